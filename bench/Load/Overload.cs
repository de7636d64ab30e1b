using System.Globalization;

namespace Jesus.Bench.Load;

/// <summary>
/// Several times what a candidate can take, offered by an open loop from several keys: do people keep their latency while steps and batches want all the rest, how long does a
/// refusal take, and is whoever comes back as told let in? A question straight to the mock beside every run tells the machine's own stalls.
/// </summary>
internal static class Overload
{
    /// <summary>What is offered, of what can be taken, where nothing else is said.</summary>
    public const double UsualFactor = 4;

    /// <summary>What people ask for while all is well, of what can be taken.</summary>
    private const double PeopleShare = 0.5;
    private const int ServiceMs = 100;
    private const int Users = 4;
    private const int DirectPerSecond = 200;

    /// <summary>Of 16 requests at once each (<c>runner.stepsAtOnce</c>): as many as fill every place four times over.</summary>
    private const int Batches = 4;
    private const int BatchRequests = 1_000;

    /// <summary>More calls than are ever under way at once.</summary>
    private const int Connections = 512;
    private const double RefusalMsMax = 5;

    /// <summary>Looks, half an answer apart, at a candidate that nobody asks: so many in a row are calm; so many in all are waited for.</summary>
    private const int CalmLooks = 6;
    private const int CalmLooksMax = 200;

    public static void Run(LoadOptions options, MockUpstream mock, TextWriter output)
    {
        var program = options.Jesus.Split(',')[0];
        if (!File.Exists(program))
        {
            output.WriteLine($"{program} is not built (make build): nothing to overload");
            return;
        }

        mock.ServiceMs = ServiceMs;
        using var daemon = new OverloadDaemon(program, mock);
        var keys = Enumerable.Range(0, Users).Select(i => daemon.KeyOf($"user{i}")).ToArray();
        byte[][] questions = [.. keys.Select(MockAnswers.Question)];
        var (factor, full) = (options.OverloadFactor, OverloadDaemon.Slots * 1_000.0 / ServiceMs);
        var run = new Runs(options, mock, daemon, output);
        output.WriteLine();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"overload: {OverloadDaemon.Slots} places of {ServiceMs} ms ({full:F0}/s), {Users} users, {factor:F1} times as much offered, "
            + $"resident {daemon.ResidentMegabytes:F1} MB"));
        output.WriteLine(
            $"{"",-26} {"offered",8} {"served",7} {"refused",8}   {"served ms: p50, p99, max",-26} {"refused after ms: p50, p99, max",-32} "
            + $"{"told s: least, p50, most",-26} came back: served, refused");

        var calm = Source(questions, PeopleShare * full);
        run.Measure("people at half", calm);
        var people = Source(questions, PeopleShare * full);
        var batches = Enumerable.Range(0, Batches).Select(i => (Key: keys[i % Users], Id: daemon.Batch(keys[i % Users], options.Tiny ? 50 : BatchRequests))).ToArray();
        run.Measure("people, and all the lanes", people, ("  in the background", Source([.. keys.Select(MockAnswers.Background)], (factor - PeopleShare) * full)));
        Array.ForEach(batches, batch => daemon.CancelBatch(batch.Key, batch.Id));
        var crowd = Source(questions, factor * full, obeys: true);
        run.Measure($"people alone {factor:F1} times", crowd);
        var narrow = Source([MockAnswers.Question(daemon.KeyOf(OverloadDaemon.NarrowUser))], factor * OverloadDaemon.NarrowCalls * 1_000.0 / ServiceMs, obeys: true);
        run.Measure($"one user's limit {factor:F1} times", narrow);

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"people beside all lanes over people at half: p50 {Ratio(people, calm, 0.5):F2}, p99 {Ratio(people, calm, 0.99):F2}; "
            + $"refusals p99 {Worst(crowd, narrow, 0.99):F2} ms, most {Worst(crowd, narrow, 1):F2} ms, bar {RefusalMsMax:F0} ms; "
            + $"at once at the candidate: {mock.SlowMost} of {OverloadDaemon.Slots}; resident {daemon.ResidentMegabytes:F1} MB"));

        LoadSource Source(byte[][] requests, double perSecond, bool obeys = false) => new(daemon.Port, requests, Connections, perSecond, obeys);
    }

    private static double Ratio(LoadSource a, LoadSource b, double share) => a.Tally.Served.Percentile(share) / Math.Max(1.0, b.Tally.Served.Percentile(share));

    private static double Worst(LoadSource a, LoadSource b, double share) => Math.Max(a.Tally.Refused.Percentile(share), b.Tally.Refused.Percentile(share)) / 1e6;

    private sealed class Runs(LoadOptions options, MockUpstream mock, OverloadDaemon daemon, TextWriter output)
    {
        private static readonly byte[] Probe = MockAnswers.Request(MockAnswers.Model, stream: false);
        private readonly double _seconds = options.Tiny ? options.Seconds : 5 * options.Seconds;
        private readonly double _warm = Math.Min(1, options.Seconds);

        public void Measure(string name, LoadSource source, params (string Name, LoadSource Source)[] beside)
        {
            var direct = new LoadSource(mock.Port, [Probe], 64, DirectPerSecond);
            AwaitCalm();
            new LoadGenerator([source, direct, .. beside.Select(b => b.Source)]).Run(_seconds, _warm);
            Row(name, source.Tally);
            foreach (var (other, tally) in beside.Select(b => (b.Name, b.Source.Tally)))
            {
                Row(other, tally);
            }

            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  straight to the mock: {Times(direct.Tally.Served)} ms; resident {daemon.ResidentMegabytes:F1} MB"));
        }

        /// <summary>What the run before left in the queues is done.</summary>
        private void AwaitCalm()
        {
            for (var (calm, waited) = (0, 0); calm < CalmLooks && waited < CalmLooksMax; waited++)
            {
                Thread.Sleep(ServiceMs / 2);
                calm = mock.SlowNow == 0 ? calm + 1 : 0;
            }
        }

        private void Row(string name, LoadTally tally)
        {
            output.WriteLine(
                $"{name,-26} {tally.All.Count,8} {tally.Served.Count,7} {tally.Refused.Count,8}   {Times(tally.Served),-26} {Times(tally.Refused),-32} {Told(tally.Told),-26} "
                + $"{tally.BackServed}, {tally.BackRefused}");
            if (tally.All.Count != tally.Served.Count + tally.Refused.Count)
            {
                output.WriteLine("  by status: " + string.Join(", ", tally.Result(_seconds).ByStatus.Select(s => $"{s.Key} {s.Value}")));
            }
        }

        private static string Times(Histogram of) => of.Count == 0
            ? "-"
            : string.Create(CultureInfo.InvariantCulture, $"{of.Percentile(0.5) / 1e6:F2}, {of.Percentile(0.99) / 1e6:F2}, {of.Max / 1e6:F2}");

        private static string Told(Histogram of) => of.Count == 0
            ? "-"
            : string.Create(CultureInfo.InvariantCulture, $"{of.Percentile(0) / 1e9:F2}, {of.Percentile(0.5) / 1e9:F2}, {of.Max / 1e9:F2}");
    }
}
