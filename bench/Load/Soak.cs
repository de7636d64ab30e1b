using System.Globalization;

namespace Jesus.Bench.Load;

/// <summary>Half of what the daemon can bear, with faults upstream, for minutes: does memory stay, and is every answer accounted for?</summary>
internal static class Soak
{
    private const double WarmSeconds = 5;

    public static void Run(LoadOptions options, MockUpstream mock, TextWriter output)
    {
        var program = options.Jesus.Split(',')[0];
        if (!File.Exists(program))
        {
            output.WriteLine($"{program} is not built (make build): nothing to soak");
            return;
        }

        using var daemon = new JesusDaemon(program, mock);
        var request = MockAnswers.Request(MockAnswers.Model, stream: false);
        var full = LoadGenerator.Run(daemon.Port, request, 16, options.Tiny ? 0.2 : 4, 0.2).PerSecond;
        mock.FaultsPerThousand = options.FaultsPerThousand;
        LoadGenerator.Run(daemon.Port, request, 64, options.Tiny ? 0.2 : WarmSeconds, 0, full / 2);
        var start = (Rss: ProcessMeter.ResidentMegabytes(daemon.Pids), Heap: daemon.Metric("dotnet_gc_heap_bytes") / 1e6, Cpu: ProcessMeter.CpuSeconds(daemon.Pids));
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"soak: {full / 2:F0} requests/s (half of {full:F0}), {options.FaultsPerThousand / 10.0:F1} % faults, {options.SoakMinutes} minutes"));
        var load = LoadGenerator.Run(daemon.Port, request, 64, options.SoakMinutes * 60, 0, full / 2);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"resident {start.Rss:F1} -> {ProcessMeter.ResidentMegabytes(daemon.Pids):F1} MB, heap {start.Heap:F1} -> {daemon.Metric("dotnet_gc_heap_bytes") / 1e6:F1} MB, "
            + $"CPU {(ProcessMeter.CpuSeconds(daemon.Pids) - start.Cpu) * 1e6 / load.Answers:F1} us a request"));
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{load.Answers} answers, {load.PerSecond:F0}/s, p50 {load.P50:F0} us, p99 {load.P99:F0} us, max {load.Max:F0} us"));
        output.WriteLine("by status: " + string.Join(", ", load.ByStatus.Select(s => $"{(s.Key == 0 ? "broken" : s.Key.ToString(CultureInfo.InvariantCulture))} {s.Value}")));
    }
}
