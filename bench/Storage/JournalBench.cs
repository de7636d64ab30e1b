using System.Diagnostics;
using System.Globalization;
using Jesus.Appliance.Storage;
using Jesus.Appliance.Storage.Journal;

namespace Jesus.Bench.Storage;

/// <summary>
/// Durable appends of 300 bytes, one at a time and with 1,000 outstanding, beside what the disk gives: fdatasync of a 400-byte overwrite from one
/// thread, and of an extending write. All in one interleaved run; medians of the rounds.
/// </summary>
internal sealed class JournalBench(string folder, TimeSpan time)
{
    private const int PayloadBytes = 300;
    private const int Outstanding = 1000;

    private readonly PosixDisk _disk = new();
    private readonly List<Dictionary<string, double>> _rounds = [];

    public async Task RunAsync(int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            var figures = new Dictionary<string, double>();
            _rounds.Add(figures);
            await OnThreadAsync(() => Sync(figures, "overwrite", zeroed: true));
            await OnThreadAsync(() => Sync(figures, "extend", zeroed: false));
            await AppendAsync(figures, "one", 1);
            await AppendAsync(figures, "many", Outstanding);
        }

        Report();
    }

    /// <summary>A thread of its own, as the journal's writer has one: on a busy machine the main thread waits longer for its turn.</summary>
    private static Task OnThreadAsync(Action work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Sync(Dictionary<string, double> figures, string name, bool zeroed)
    {
        using var file = _disk.Open(Path.Combine(folder, $"{name}-{_rounds.Count}"), DiskOpen.CreateNew);
        if (zeroed)
        {
            file.Write(0, new byte[16 << 20]);
            file.Sync();
        }

        var bytes = new byte[400];
        var measured = new Measurement();
        var begun = Stopwatch.GetTimestamp();
        for (var at = 0L; Stopwatch.GetElapsedTime(begun) < time; at += bytes.Length)
        {
            var start = Stopwatch.GetTimestamp();
            file.Write(at, bytes);
            file.Sync();
            measured.Add(start);
        }

        measured.Seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        figures[name + ".rate"] = measured.PerSecond;
        figures[name + ".p50"] = measured.Percentile(0.5);
    }

    private async Task AppendAsync(Dictionary<string, double> figures, string name, int outstanding)
    {
        using var journal = Journal.Open(_disk, Path.Combine(folder, "journal"), new JournalOptions(), TimeProvider.System);
        await LoopsAsync(journal, outstanding, new Measurement(), TimeSpan.FromTicks(time.Ticks / 5)); // warm
        var measured = new Measurement();
        var groups = journal.Groups;
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var begun = Stopwatch.GetTimestamp();
        await LoopsAsync(journal, outstanding, measured, time);
        measured.Seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        measured.AllocatedBytes = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        measured.CpuSeconds = (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds;
        figures[name + ".rate"] = measured.PerSecond;
        figures[name + ".syncs"] = (journal.Groups - groups) / measured.Seconds;
        figures[name + ".p50"] = measured.Percentile(0.5);
        figures[name + ".p99"] = measured.Percentile(0.99);
        figures[name + ".cpu"] = measured.CpuMicrosecondsEach;
        figures[name + ".bytes"] = measured.BytesEach;
        Read(figures, journal);
    }

    private static void Read(Dictionary<string, double> figures, Journal journal)
    {
        var begun = Stopwatch.GetTimestamp();
        var (records, bytes) = (0L, 0L);
        foreach (var record in journal.ReadAfter(JournalPosition.Start))
        {
            records++;
            bytes += record.Payload.Length + 28;
        }

        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        figures["read.records"] = records / seconds;
        figures["read.megabytes"] = bytes / seconds / 1e6;
    }

    private static Task LoopsAsync(Journal journal, int outstanding, Measurement measured, TimeSpan time)
    {
        var begun = Stopwatch.GetTimestamp();
        return Task.WhenAll(Enumerable.Range(0, outstanding).Select(_ => Task.Run(LoopAsync)));

        async Task LoopAsync()
        {
            var payload = new byte[PayloadBytes];
            while (Stopwatch.GetElapsedTime(begun) < time)
            {
                var start = Stopwatch.GetTimestamp();
                await journal.AppendAsync(JournalKind.RunEvent, payload);
                measured.Add(start);
            }
        }
    }

    private void Report()
    {
        Line("fdatasync, 400 B over zeros, one thread", "overwrite.rate", "/s");
        Line("  p50", "overwrite.p50", "ms");
        Line("fdatasync, 400 B that extend the file", "extend.rate", "/s");
        Line("  p50", "extend.p50", "ms");
        Line($"durable appends of {PayloadBytes} B, one outstanding", "one.rate", "/s");
        Line("  p50", "one.p50", "ms");
        Line("  share of the disk's syncs", "one.rate", "of the limit", "overwrite.rate");
        Line("  CPU each", "one.cpu", "us");
        Line("  allocated each", "one.bytes", "B");
        Line($"durable appends of {PayloadBytes} B, {Outstanding} outstanding", "many.rate", "/s");
        Line("  p50", "many.p50", "ms");
        Line("  p99", "many.p99", "ms");
        Line("  groups", "many.syncs", "syncs/s");
        Line("  records a sync", "many.rate", "", "many.syncs");
        Line("  CPU each", "many.cpu", "us");
        Line("  allocated each", "many.bytes", "B");
        Line("  bar: 12,000 durable steps/s; ours to it", "many.rate", "x", 12_000);
        Line("reading back, every checksum verified", "read.records", "records/s");
        Line("  payloads and headers", "read.megabytes", "MB/s");
    }

    private void Line(string what, string figure, string unit, string limit) => Write(what, Median(figure) / Median(limit), unit);

    private void Line(string what, string figure, string unit, double limit = 1) => Write(what, Median(figure) / limit, unit);

    private static void Write(string what, double value, string unit) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-56} {value,12:N2} {unit}"));

    private double Median(string figure)
    {
        var values = _rounds.Select(r => r[figure]).Order().ToArray();
        return values[values.Length / 2];
    }
}
