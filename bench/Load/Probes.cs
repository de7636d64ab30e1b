using System.Globalization;

namespace Jesus.Bench.Load;

/// <summary>Managed bytes that the whole daemon allocates for a request in steady state, by its own counter.</summary>
internal static class AllocationProbe
{
    private const string Counter = "dotnet_gc_allocated_bytes_total";

    public static void Run(LoadOptions options, JesusDaemon daemon, TextWriter output)
    {
        Row(options, daemon, output, "whole answers", MockAnswers.Request(MockAnswers.Model, stream: false), "bar <= 256");
        Row(options, daemon, output, "streams of 100 events", MockAnswers.Request(MockAnswers.LongModel, stream: true), "");
    }

    private static void Row(LoadOptions options, JesusDaemon daemon, TextWriter output, string what, byte[] request, string bar)
    {
        _ = LoadGenerator.Run(daemon.Port, request, 16, options.Seconds, 0.1);

        // A scrape allocates too: its own share is measured and taken off. The counter moves by allocation contexts of 8 KB a thread.
        var scrape = Math.Max(0, -(daemon.Metric(Counter) - daemon.Metric(Counter)));
        var before = daemon.Metric(Counter);
        var calls = LoadGenerator.Run(daemon.Port, request, 16, options.Seconds * 2, 0).Answers;
        var bytes = daemon.Metric(Counter) - before - scrape;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{daemon.Name}: {bytes / Math.Max(1, calls):F0} managed bytes a request ({what}, {calls} requests) {bar}"));
    }
}

/// <summary>From a failure on the wire to the next candidate's request on the wire.</summary>
internal static class NextCandidateProbe
{
    public static void Run(LoadOptions options, JesusDaemon daemon, MockUpstream mock, TextWriter output)
    {
        var request = MockAnswers.Request("fallback", stream: false);
        _ = LoadGenerator.Run(daemon.Port, request, 1, options.Seconds, 0.1);
        var times = mock.NextCandidate;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{daemon.Name}: time to the next candidate p50 {times.Percentile(0.5) / 1e6:F2} ms, p99 {times.Percentile(0.99) / 1e6:F2} ms, "
            + $"max {times.Max / 1e6:F2} ms over {times.Count} failures, bar <= 5 ms"));
        times.Reset();
    }
}
