using System.Globalization;

namespace Jesus.Bench.Load;

/// <summary>
/// The gateway under load beside nginx: rounds over all targets, so that the machine's moods hit all alike; medians of the rounds. The load and the mock
/// upstream share the machine with what is measured; CPU is the server's processes' own.
/// </summary>
public static class LoadBench
{
    private const double OpenPerSecond = 1_000;
    private static readonly int[] Closed = [16, 64];

    public static void Run(LoadOptions options, TextWriter output)
    {
        using var mock = new MockUpstream();
        if (options.SoakMinutes > 0)
        {
            Soak.Run(options, mock, output);
            return;
        }

        if (options.OverloadFactor > 0)
        {
            Overload.Run(options, mock, output);
            return;
        }

        var targets = Start(options, mock, output);
        try
        {
            var rows = new LoadRows();
            var stolen = ProcessMeter.StolenSeconds();
            for (var round = 0; round < options.Rounds; round++)
            {
                foreach (var target in targets)
                {
                    Round(options, target, rows);
                }
            }

            rows.Print(output, targets);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"stolen by the host: {ProcessMeter.StolenSeconds() - stolen:F1} s"));
            foreach (var daemon in targets.OfType<JesusDaemon>())
            {
                AllocationProbe.Run(options, daemon, output);
                NextCandidateProbe.Run(options, daemon, mock, output);
            }
        }
        finally
        {
            targets.ForEach(t => t.Dispose());
        }

        if (options.Only.Count == 0)
        {
            Overload.Run(options with { OverloadFactor = Overload.UsualFactor }, mock, output);
        }
    }

    private static List<Target> Start(LoadOptions options, MockUpstream mock, TextWriter output)
    {
        var targets = new List<Target>();
        Add("direct", () => new Direct(mock));
        if (Nginx.Program is { } nginx)
        {
            Add("nginx", () => new Nginx(nginx, mock));
        }
        else
        {
            output.WriteLine("nginx is not installed: its rows are left out");
        }

        foreach (var (path, i) in options.Jesus.Split(',').Select((p, i) => (p, i)))
        {
            if (File.Exists(path))
            {
                Add(i == 0 ? "jesus" : $"jesus-{i + 1}", () => new JesusDaemon(path, mock, i == 0 ? "jesus" : $"jesus-{i + 1}"));
            }
            else
            {
                output.WriteLine($"{path} is not built (make build): its rows are left out");
            }
        }

        if (options.Portkey.Length > 0)
        {
            Add("portkey", () => new Portkey(options.Portkey, mock));
        }

        return targets;

        void Add(string name, Func<Target> make)
        {
            if (options.Only.Count == 0 || options.Only.Any(o => name.StartsWith(o, StringComparison.Ordinal)))
            {
                targets.Add(make());
            }
        }
    }

    private static void Round(LoadOptions options, Target target, LoadRows rows)
    {
        var whole = MockAnswers.Request(MockAnswers.Model, stream: false, target.ExtraHeaders);
        foreach (var connections in Closed)
        {
            Measure(options, target, rows, $"closed {connections}", whole, connections, 0);
        }

        Measure(options, target, rows, "open 1000/s", whole, 64, OpenPerSecond);
        Measure(options, target, rows, "stream 16", MockAnswers.Request(MockAnswers.LongModel, stream: true, target.ExtraHeaders), 16, 0);
    }

    private static void Measure(LoadOptions options, Target target, LoadRows rows, string row, byte[] request, int connections, double perSecond)
    {
        var warm = Math.Min(0.5, options.Seconds);
        var cpu = ProcessMeter.CpuSeconds(target.Pids);
        var load = LoadGenerator.Run(target.Port, request, connections, options.Seconds, warm, perSecond);

        // CPU ticks are 10 ms: the warm-up is counted on both sides of the division rather than cut off.
        var share = options.Seconds / (options.Seconds + warm);
        var each = (ProcessMeter.CpuSeconds(target.Pids) - cpu) * share * 1e6 / Math.Max(1, load.Answers);
        rows.Add(row, target.Name, load, each, ProcessMeter.ResidentMegabytes(target.Pids));
    }
}
