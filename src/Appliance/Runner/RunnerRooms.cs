using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tools;
using Jesus.Inference.Contract;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Runner;

/// <summary>One model call: <see cref="ModelPipeline.RunAsync"/>, or what stands for it in a test.</summary>
public delegate ValueTask<Outcome> CallModel(ModelCall call, IAnswerSink sink, CancellationToken cancel);

/// <summary>What the runner stands on; the host fills it.</summary>
public sealed record RunnerRooms
{
    public required IJournal Journal { get; init; }
    public required IRunBlobs Blobs { get; init; }

    /// <summary>For so long after a run's end the files that it names are there; zero means for ever.</summary>
    public TimeSpan FilesKept { get; init; }
    public required IRunHistory History { get; init; }
    public required CallModel CallModel { get; init; }
    public required TimeProvider Time { get; init; }
    public required ILogger Log { get; init; }
    public ToolSet Tools { get; init; } = ToolSet.BuiltIn;

    /// <summary>Told of each run that is done, by its id: it spends no more. A failed one may be retried and keeps what it has spent.</summary>
    public Action<string> RunEnded { get; init; } = static _ => { };

    /// <summary>Null where the box keeps no notes.</summary>
    public IRunNotes? Notes { get; init; }

    /// <summary>Spent by the run before it came to this box; of one run's rooms only.</summary>
    internal RunSpending SpentElsewhere { get; init; }
}

/// <summary>Money and tokens, input and output together, that a run has used.</summary>
internal readonly record struct RunSpending(long MicroUsd, long Tokens);

/// <summary>Content by its hash: large payloads, workflow files and artifacts. Thread-safe.</summary>
public interface IRunBlobs
{
    /// <summary>Keeps the bytes; they are durable when this returns.</summary>
    /// <returns>SHA-256, lower-case hexadecimal.</returns>
    /// <exception cref="IOException">The store is full or the disk refused.</exception>
    string Put(ReadOnlySpan<byte> bytes, string mediaType);

    /// <returns>Null when there is no such content.</returns>
    byte[]? Read(string sha256);
}
