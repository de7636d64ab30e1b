using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Security;
using Jesus.Appliance.Storage;
using Jesus.Appliance.Storage.Journal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Jesus.Bench.Runner;

/// <summary>A run service over a journal on the disk, and a workflow of three calculator steps.</summary>
internal sealed class RunnerBench : IDisposable
{
    private static readonly byte[] Workflow = """
        name: three
        inputs: {n: integer}
        steps:
          a: {tool: {name: calc, arguments: {expression: "${inputs.n} + 1"}}}
          b: {needs: a, tool: {name: calc, arguments: {expression: "${steps.a.output.result} * 2"}}}
          c: {needs: b, tool: {name: calc, arguments: {expression: "${steps.b.output.result} - 3"}}}
        outputs: {result: "${steps.c.output.result}"}
        """u8.ToArray();

    private readonly Principal _principal = new("bench", PrincipalKind.System, "bench", "", "default", Roles.All);
    private readonly Journal _journal;
    private readonly RunService _service;

    public RunnerBench(string folder)
    {
        _journal = Journal.Open(new PosixDisk(), Path.Combine(folder, "journal"), new JournalOptions(), TimeProvider.System);
        _service = new RunService(
            new RunnerRooms
            {
                Journal = _journal,
                Blobs = new MemoryBlobs(),
                History = new JournalHistory(_journal),
                CallModel = (_, _, _) => ValueTask.FromResult(default(Outcome)),
                Time = TimeProvider.System,
                Log = NullLogger.Instance,
            },
            new RunnerOptions { RunsAtOnce = 2_000 });
    }

    public async Task WarmUpAsync() => _ = await OutstandingAsync(2_000, 100);

    public async Task<(double P50, double P99)> OneAtATimeAsync(int runs)
    {
        var times = new double[runs];
        for (var i = 0; i < runs; i++)
        {
            var clock = Stopwatch.GetTimestamp();
            await RunAsync(i);
            times[i] = Stopwatch.GetElapsedTime(clock).TotalMilliseconds;
        }

        Array.Sort(times);
        return (times[runs / 2], times[runs * 99 / 100]);
    }

    public async Task<(double PerSecond, double P99)> OutstandingAsync(int runs, int outstanding)
    {
        var times = new double[runs];
        var next = -1;
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, outstanding).Select(_ => Task.Run(async () =>
        {
            for (var i = Interlocked.Increment(ref next); i < runs; i = Interlocked.Increment(ref next))
            {
                var start = Stopwatch.GetTimestamp();
                await RunAsync(i);
                times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }
        })));
        var seconds = clock.Elapsed.TotalSeconds;
        Array.Sort(times);
        return (runs / seconds, times[runs * 99 / 100]);
    }

    public void Dispose()
    {
        _service.Dispose();
        _journal.Dispose();
    }

    /// <summary>Submits and waits for the durable end.</summary>
    private async Task RunAsync(int n)
    {
        var submitted = await _service.SubmitAsync(
            new RunSubmission { Workflow = Workflow, FileName = "three.yaml", Inputs = Inputs(n) },
            _principal,
            CancellationToken.None);
        if (!submitted.Accepted || !await _service.WaitForEndAsync(submitted.RunId, CancellationToken.None))
        {
            throw new InvalidOperationException($"run {n} was not carried out: {submitted.Message}");
        }
    }

    private static Dictionary<string, RunInput> Inputs(int n) => new() { ["n"] = RunInput.FromText(n.ToString(CultureInfo.InvariantCulture)) };

    private sealed class MemoryBlobs : IRunBlobs
    {
        private readonly ConcurrentDictionary<string, byte[]> _byHash = new();

        public string Put(ReadOnlySpan<byte> bytes, string mediaType)
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(bytes));
            _byHash[hash] = bytes.ToArray();
            return hash;
        }

        public byte[]? Read(string sha256) => _byHash.GetValueOrDefault(sha256);
    }
}
