using System.Diagnostics;
using Jesus.Inference.Adapters.Local;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Batching;

namespace Jesus.Bench.Engine;

/// <summary>
/// Two models of one box: what each writes alone, what both write at once with and without turns at the cores, and how long one's stream stands still while the other reads a
/// long prompt or is loaded.
/// </summary>
internal static class TogetherBench
{
    private const int Prompt = 32;
    private const int LongPrompt = 1_500;

    public static async Task RunAsync(string first, string second, int generate, TextWriter output)
    {
        foreach (var takesTurns in new[] { true, false, true, false })
        {
            using var host = Host(first, second, takesTurns);
            var adapter = new LocalAdapter(host, TimeProvider.System);
            await host.LoadAsync("one");
            await host.LoadAsync("two");
            _ = await AskAsync(adapter, "one", Prompt, 4);
            _ = await AskAsync(adapter, "two", Prompt, 4);
            var one = await AskAsync(adapter, "one", Prompt, generate);
            var two = await AskAsync(adapter, "two", Prompt, generate);
            var both = await Task.WhenAll(Start(adapter, "one", Prompt, generate), Start(adapter, "two", Prompt, generate));
            await output.WriteLineAsync($"{(takesTurns ? "turns   " : "no turns")} alone {one.PerSecond:0.0} and {two.PerSecond:0.0} tok/s, together {both[0].PerSecond:0.0} and "
                + $"{both[1].PerSecond:0.0}; shares of their own speed add up to {both[0].PerSecond / one.PerSecond + both[1].PerSecond / two.PerSecond:0.00}; "
                + $"longest pause {Math.Max(both[0].LongestMs, both[1].LongestMs):0} ms");

            var stream = Start(adapter, "one", Prompt, generate);
            await Task.Delay(300);
            _ = await AskAsync(adapter, "two", LongPrompt, 1);
            var beside = await stream;
            await output.WriteLineAsync($"         beside a prompt of {LongPrompt} for the other: {beside.PerSecond:0.0} tok/s, longest pause {beside.LongestMs:0} ms");

            _ = await host.UnloadAsync("two");
            stream = Start(adapter, "one", Prompt, generate);
            await Task.Delay(300);
            var clock = Stopwatch.StartNew();
            await host.LoadAsync("two");
            clock.Stop();
            beside = await stream;
            _ = await host.UnloadAsync("two");
            var quiet = Stopwatch.StartNew();
            await host.LoadAsync("two");
            await output.WriteLineAsync($"         beside the other's load: {beside.PerSecond:0.0} tok/s, longest pause {beside.LongestMs:0} ms; the load took "
                + $"{clock.Elapsed.TotalSeconds:0.0} s, {quiet.Elapsed.TotalSeconds:0.0} s without");
        }
    }

    private static ModelHost Host(string first, string second, bool takesTurns) => new(new ModelHostOptions
    {
        Paths = new Dictionary<string, ModelPath> { ["one"] = new(first), ["two"] = new(second) },
        TakesTurns = takesTurns,
        KvBytesMax = 128L << 20,
        Batch = new BatchLimits { Speculates = false },
    }, TimeProvider.System);

    private static Task<Stream> Start(LocalAdapter adapter, string model, int prompt, int generate) => Task.Run(() => AskAsync(adapter, model, prompt, generate));

    private static async Task<Stream> AskAsync(LocalAdapter adapter, string model, int prompt, int generate)
    {
        // Another beginning each time, or the cache would answer.
        var text = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Stopwatch.GetTimestamp()} ").PadRight(prompt, 'x');
        var request = new ModelRequest { MaxOutputTokens = generate };
        request.Model = request.Text.Copy(model);
        request.Turns.Add(TurnRole.User, request.Text.Copy(text));
        request.Sampling = new Sampling { Temperature = 1, Seed = 1 };
        var stream = new Stream();
        var result = await adapter.CallAsync(request, stream, CancellationToken.None);
        return result.Succeeded ? stream : throw new InvalidOperationException(result.Error.Message);
    }

    /// <summary>When an answer's pieces came.</summary>
    private sealed class Stream : IAnswerSink
    {
        private long _first;
        private long _last;
        private long _longest;
        private int _tokens;

        public double PerSecond => (_tokens - 1) / Stopwatch.GetElapsedTime(_first, _last).TotalSeconds;
        public double LongestMs => TimeSpan.FromSeconds((double)_longest / Stopwatch.Frequency).TotalMilliseconds;

        public ValueTask WriteAsync(ModelEvent item)
        {
            if (item.Kind == EventKind.Text)
            {
                var now = Stopwatch.GetTimestamp();
                _longest = _tokens == 0 ? 0 : Math.Max(_longest, now - _last);
                _first = _tokens == 0 ? now : _first;
                _last = now;
                _tokens++;
            }

            return default;
        }
    }
}
