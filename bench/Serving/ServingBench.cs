using System.Diagnostics;
using static Jesus.Bench.Serving.Invariant;

namespace Jesus.Bench.Serving;

/// <summary>
/// Many streams through <c>/v1/chat/completions</c>: generated tokens a second, time to the first token, and how long running answers stall while others' long prompts are
/// read. Servers take turns row by row, each row on a fresh process, so that the machine's moods hit all alike.
/// </summary>
public static class ServingBench
{
    /// <summary>Answers that run, and long prompts that come, when stalls are measured.</summary>
    private const int Running = 4;
    private const int Arriving = 4;

    public static async Task RunAsync(ServingOptions options, TextWriter output)
    {
        var model = options.Model.Length > 0 ? Path.GetFullPath(options.Model) : (options.Tiny ? ServedModel.Tiny : ServedModel.OnePointOne).Make(options.Folder);
        Write(output, $"{Path.GetFileName(model)}, {options.Threads} threads, {options.Prompt} tokens read and {options.Generate} written a stream, draft {options.Draft}");
        Write(output, $"{"",-13} {"streams",8} {"tok/s",8} {"first p50",10} {"first p95",10} {"RSS MB",8}");
        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var streams in options.Streams)
            {
                await EachAsync(options, model, streams, options.Prompt + options.Generate + 64, server => StreamsAsync(server, options, streams, output));
            }

            await EachAsync(options, model, Running + Arriving, options.LongPrompt + options.Generate + 64, server => StallAsync(server, options, output));
        }
    }

    private static async Task EachAsync(ServingOptions options, string model, int streams, int contextEach, Func<Server, Task> row)
    {
        using (var jesus = await Server.StartJesusAsync(options, model, streams))
        {
            await row(jesus);
        }

        if (options.LlamaServer.Length > 0)
        {
            using var llama = await Server.StartLlamaAsync(options, model, streams, contextEach);
            await row(llama);
        }
    }

    private static async Task StreamsAsync(Server server, ServingOptions options, int streams, TextWriter output)
    {
        var clock = Stopwatch.StartNew();
        var calls = await Task.WhenAll(Enumerable.Range(0, streams)
            .Select(i => new StreamedCall(server, Prompt(i, options.Prompt), options.Generate).RunAsync()));
        var seconds = clock.Elapsed.TotalSeconds;
        var first = calls.Select(call => call.FirstSeconds).Order().ToArray();
        var rate = calls.Sum(call => call.Tokens) / seconds;
        Write(output, $"{server.Name,-13} {streams,8} {rate,8:F1} {At(first, 0.5),8:F2} s {At(first, 0.95),8:F2} s {server.ResidentMegabytes,8:F0}");
    }

    private static async Task StallAsync(Server server, ServingOptions options, TextWriter output)
    {
        // As many tokens as the long prompts can take to read, and more: whoever is done before them has not waited for them.
        var begun = new TaskCompletionSource();
        var left = Running;
        var running = Enumerable.Range(0, Running).Select(i => new StreamedCall(server, Prompt(100 + i, options.Prompt), 8 * options.Generate)
            .RunAsync(() => _ = Interlocked.Decrement(ref left) == 0 && begun.TrySetResult())).ToArray();
        await begun.Task;
        var from = Stopwatch.GetTimestamp();
        var arrived = await Task.WhenAll(Enumerable.Range(0, Arriving).Select(i => new StreamedCall(server, Prompt(200 + i, options.LongPrompt), 1).RunAsync()));
        var to = Stopwatch.GetTimestamp();
        var calls = await Task.WhenAll(running);
        var waits = calls.SelectMany(call => call.Waits(from, to)).Order().ToArray();
        var during = calls.Sum(call => call.Pieces.Count(piece => piece > from && piece < to));
        var seconds = Stopwatch.GetElapsedTime(from, to).TotalSeconds;
        var first = At([.. arrived.Select(call => call.FirstSeconds).Order()], 0.5);
        Write(output, $"{server.Name,-13} {Running} answers while {Arriving} prompts of {options.LongPrompt} tokens are read ({seconds:F1} s):");
        Write(output, $"{"",-13} waits p50 {At(waits, 0.5) * 1e3:F0}, p99 {At(waits, 0.99) * 1e3:F0}, longest {waits[^1] * 1e3:F0} ms, {during} pieces meanwhile, first tokens after {first:F1} s");
    }

    /// <summary>Letters that no other prompt begins with, so that nothing is read from a cache.</summary>
    private static string Prompt(int number, int length)
    {
        var dice = new Random(number);
        return string.Create(length, dice, static (text, dice) =>
        {
            foreach (ref var letter in text)
            {
                letter = (char)('a' + dice.Next(26));
            }
        });
    }

    private static double At(double[] ordered, double share) => ordered[Math.Min(ordered.Length - 1, (int)(ordered.Length * share))];
}
