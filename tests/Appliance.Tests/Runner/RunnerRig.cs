using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Security;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tools;
using Jesus.Inference.Contract;
using Microsoft.Extensions.Logging.Abstractions;

namespace Jesus.Appliance.Tests.Runner;

/// <summary>A journal in memory. From the append chosen by <see cref="CrashAt"/> on, nothing is acknowledged any more, as after a kill.</summary>
internal sealed class MemoryJournal : IJournal
{
    private readonly Lock _gate = new();
    private readonly List<(JournalKind Kind, byte[] Payload)> _records;
    private readonly TaskCompletionSource<JournalPosition> _never = new();
    private int _appends;

    public MemoryJournal(IEnumerable<(JournalKind, byte[])>? records = null) => _records = [.. records ?? []];

    /// <summary>Number of the append at which the process dies; 0 for never.</summary>
    public int CrashAt { get; init; }

    /// <summary>Whether the append that died had reached the disk.</summary>
    public bool LastIsDurable { get; init; }

    public TaskCompletionSource Crashed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public JournalPosition Durable
    {
        get
        {
            lock (_gate)
            {
                return new JournalPosition(_records.Count);
            }
        }
    }

    public IReadOnlyList<(JournalKind Kind, byte[] Payload)> Records
    {
        get
        {
            lock (_gate)
            {
                return [.. _records];
            }
        }
    }

    public ValueTask<JournalPosition> AppendAsync(JournalKind kind, ReadOnlyMemory<byte> payload)
    {
        lock (_gate)
        {
            _appends++;
            var dead = CrashAt > 0 && _appends >= CrashAt;
            if (!dead || (_appends == CrashAt && LastIsDurable))
            {
                _records.Add((kind, payload.ToArray()));
            }

            if (dead)
            {
                Crashed.TrySetResult();
                return new ValueTask<JournalPosition>(_never.Task);
            }

            return Later(new JournalPosition(_records.Count));
        }
    }

    public JournalPosition Append(JournalKind kind, ReadOnlySpan<byte> payload) => throw new NotSupportedException();

    public IEnumerable<JournalRecord> ReadAfter(JournalPosition position) =>
        Records.Select((record, index) => new JournalRecord(new JournalPosition(index + 1), record.Kind, 0, record.Payload)).Skip((int)position.Value);

    public ValueTask WaitDurableAsync(JournalPosition position, CancellationToken cancel) => ValueTask.CompletedTask;

    private static async ValueTask<JournalPosition> Later(JournalPosition position)
    {
        await Task.Yield();
        return position;
    }
}

internal sealed class MemoryBlobs : IRunBlobs
{
    private readonly ConcurrentDictionary<string, byte[]> _byHash = new();

    public long BytesMax { get; init; } = long.MaxValue;

    public string Put(ReadOnlySpan<byte> bytes, string mediaType)
    {
        if (bytes.Length > BytesMax)
        {
            throw new IOException("the store is full");
        }

        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes));
        _byHash[hash] = bytes.ToArray();
        return hash;
    }

    public byte[]? Read(string sha256) => _byHash.GetValueOrDefault(sha256);
}

/// <summary>A tool of the test's own, with what it does given as a function.</summary>
internal sealed class FakeTool(string name, ToolPurity purity, Func<JsonElement, CancellationToken, ValueTask<ToolResult>> call) : ITool
{
    public ToolDescription Description { get; } = new(name, name, JsonValues.Parse("{\"type\":\"object\"}"u8), JsonValues.Parse("{}"u8), purity);

    /// <summary>Told what each call may reach.</summary>
    public Action<ToolContext>? Called { get; init; }

    public ValueTask<ToolResult> CallAsync(JsonElement arguments, ToolContext context, CancellationToken cancel)
    {
        Called?.Invoke(context);
        return call(arguments, cancel);
    }
}

/// <summary>A model that answers by a function from the request; what it is asked is kept.</summary>
internal sealed class FakeModel(Func<ModelRequest, FakeAnswer> answer)
{
    public ConcurrentQueue<string> Asked { get; } = new();

    public async ValueTask<Outcome> CallAsync(ModelCall call, IAnswerSink sink, CancellationToken cancel)
    {
        await Task.Yield();
        Asked.Enqueue(LastText(call.Request));
        var said = answer(call.Request);
        if (said.Cause != ErrorCause.None)
        {
            return new Outcome { Error = new ModelError(said.Cause, said.Text), Reason = FinishReason.Error, RefusedByBudget = said.Budget };
        }

        if (said.Tool is { } tool)
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.ToolCallStart, Utf8 = Encoding.UTF8.GetBytes(tool), ToolCallId = "c1"u8.ToArray() });
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.ToolCallArguments, Utf8 = Encoding.UTF8.GetBytes(said.Text) });
        }
        else
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = Encoding.UTF8.GetBytes(said.Text) });
        }

        return new Outcome { Reason = FinishReason.Stop, Usage = new Usage { InputTokens = 10, OutputTokens = 3 }, CostMicroUsd = 7 };
    }

    public static string LastText(ModelRequest request) => request.Turns.PartsOf(request.Turns.Count - 1)[^1].Text.ToString();
}

internal sealed record FakeAnswer(string Text, string? Tool = null, ErrorCause Cause = ErrorCause.None, string? Budget = null);

/// <summary>A run service over memory, and what tests ask of it.</summary>
internal sealed class RunnerRig : IDisposable
{
    public static readonly Principal Alice = new("local:alice", PrincipalKind.LocalSocket, "alice", "", "default", Roles.Runs | Roles.Models);
    public static readonly Principal Bob = new("local:bob", PrincipalKind.LocalSocket, "bob", "", "default", Roles.Runs | Roles.Models);

    public RunnerRig(
        Func<ModelRequest, FakeAnswer>? model = null,
        IEnumerable<ITool>? tools = null,
        MemoryJournal? journal = null,
        MemoryBlobs? blobs = null,
        RunnerOptions? options = null,
        TimeProvider? time = null)
    {
        Journal = journal ?? new MemoryJournal();
        Model = new FakeModel(model ?? (_ => new FakeAnswer("an answer")));
        Service = new RunService(
            new RunnerRooms
            {
                Journal = Journal,
                Blobs = Blobs = blobs ?? new MemoryBlobs(),
                History = new JournalHistory(Journal),
                CallModel = Model.CallAsync,
                Time = time ?? TimeProvider.System,
                Log = NullLogger.Instance,
                Tools = new ToolSet([new CalcTool(), new ClockTool(), new FileReadTool(), new TextSearchTool(), new TextJoinTool(), new NoteAppendTool(), .. tools ?? []]),
            },
            options ?? new RunnerOptions());
    }

    public MemoryJournal Journal { get; }
    public MemoryBlobs Blobs { get; }
    public FakeModel Model { get; }
    public RunService Service { get; }

    public async Task<string> SubmitAsync(string yaml, params (string Name, object Value)[] inputs)
    {
        var result = await TrySubmitAsync(yaml, inputs);
        Assert.True(result.Accepted, string.Join("\n", result.Errors.Select(error => error.ToString()).Append(result.Message)));
        return result.RunId;
    }

    public ValueTask<SubmitResult> TrySubmitAsync(string yaml, params (string Name, object Value)[] inputs) => Service.SubmitAsync(
        new RunSubmission
        {
            Workflow = Encoding.UTF8.GetBytes(yaml),
            FileName = "test.yaml",
            Inputs = inputs.ToDictionary(
                input => input.Name,
                input => input.Value is byte[] bytes ? RunInput.FromFile(bytes) : RunInput.FromText((string)input.Value)),
        },
        Alice,
        CancellationToken.None);

    /// <summary>Waits for the run's end.</summary>
    public async Task<RunView> EndAsync(string runId)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        var events = await Service.WatchAsync(runId, 0, Alice, limit.Token);
        await foreach (var _ in events!.WithCancellation(limit.Token))
        {
        }

        return (await Service.GetAsync(runId, Alice, limit.Token))!;
    }

    public async Task<RunView> RunAsync(string yaml, params (string Name, object Value)[] inputs) => await EndAsync(await SubmitAsync(yaml, inputs));

    /// <summary>Waits until the run is in a state; looks again after every event.</summary>
    public async Task<RunView> UntilAsync(string runId, Func<RunView, bool> isSo)
    {
        for (var i = 0; i < 2_000; i++)
        {
            var view = (await Service.GetAsync(runId, Alice, CancellationToken.None))!;
            if (isSo(view))
            {
                return view;
            }

            await Task.Delay(5);
        }

        throw new TimeoutException("the run never came into that state");
    }

    public void Dispose() => Service.Dispose();

    public static JsonElement Json(string text) => JsonValues.Parse(Encoding.UTF8.GetBytes(text));
}
