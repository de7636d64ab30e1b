using System.Diagnostics;
using System.Globalization;
using Jesus.Bench.Runner;

// Three durable steps without I/O of their own, over the real journal on this disk. Arguments: --runs N, --outstanding N, --folder PATH.
var runs = Argument("--runs", 20_000);
var outstanding = Argument("--outstanding", 1_000);
var folder = Path.Combine(Text("--folder") ?? Directory.GetCurrentDirectory(), "bench-runner-" + Environment.ProcessId);
Directory.CreateDirectory(folder);
try
{
    var syncs = DiskProbe.SyncsPerSecond(Path.Combine(folder, "probe"));
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"disk: {syncs:N0} fdatasync/s from one thread (p50 {1e3 / syncs:0.00} ms)"));
    using var bench = new RunnerBench(folder);
    await bench.WarmUpAsync();
    var single = await bench.OneAtATimeAsync(500);
    var limit = 5e3 / syncs;
    Print("one at a time, p50", single.P50, "ms", "five syncs of this disk (submit, three steps, end)", limit, lowerIsBetter: true);
    var cpu = Process.GetCurrentProcess().TotalProcessorTime;
    var many = await bench.OutstandingAsync(runs, outstanding);
    var spent = Process.GetCurrentProcess().TotalProcessorTime - cpu;
    Print($"{outstanding:N0} outstanding", many.PerSecond, "workflows/s", "Restate 1.7", 821, lowerIsBetter: false);
    Print($"{outstanding:N0} outstanding", many.PerSecond * 3, "steps/s", "Restate 1.7", 2_464, lowerIsBetter: false);
    Print($"{outstanding:N0} outstanding, p99", many.P99, "ms", "Restate 1.7", 1_350, lowerIsBetter: true);
    Print("CPU a workflow", spent.TotalMilliseconds / runs, "ms", "Restate 1.7", 2.2, lowerIsBetter: true);
    Console.WriteLine($"resident: {Environment.WorkingSet >> 20} MB; collections {GC.CollectionCount(0)}/{GC.CollectionCount(1)}/{GC.CollectionCount(2)}");
}
finally
{
    Directory.Delete(folder, recursive: true);
}

return 0;

string? Text(string name) => Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;

int Argument(string name, int otherwise) => Text(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

static void Print(string what, double ours, string unit, string other, double theirs, bool lowerIsBetter) => Console.WriteLine(string.Create(
    CultureInfo.InvariantCulture,
    $"{what}: {ours:#,0.##} {unit}; {other}: {theirs:#,0.##}; ratio {(lowerIsBetter ? theirs / ours : ours / theirs):0.00}x"));
