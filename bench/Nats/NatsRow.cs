using System.Globalization;

namespace Jesus.Bench.Nats;

/// <summary>One kind of work, ours and raw; requests also raw with a fresh subject for each answer.</summary>
internal sealed class NatsRow(string name, string unit, double scale, double bar, Func<Task<Figures>> ours, Func<Figures>? raw, Func<Figures>? fresh = null)
{
    private readonly List<Figures> _ours = [];
    private readonly List<Figures> _raw = [];
    private readonly List<Figures> _fresh = [];

    public string Name => name;
    public Func<Task<Figures>> Ours => ours;

    /// <summary>Once each, in an order that changes.</summary>
    public async Task RunAsync(int round)
    {
        if (round % 2 == 0)
        {
            RunRaw();
        }

        _ours.Add(await ours());
        if (round % 2 != 0)
        {
            RunRaw();
        }
    }

    public void Print(TextWriter output)
    {
        var ratio = Median(_ours, f => f.PerSecond) / Median(_raw, f => f.PerSecond);
        output.WriteLine(
            $"{name,-14}{unit,9}{Number(Median(_raw, f => f.PerSecond) / scale, "F2", 9)}{Number(Median(_ours, f => f.PerSecond) / scale, "F2", 9)}{Number(ratio, "F2", 7)}"
            + $"{Number(bar, "F2", 7)}{Number(Median(_fresh, f => f.PerSecond) / scale, "F2", 9)}{Number(Median(_ours, f => f.PerSecond) / Median(_fresh, f => f.PerSecond), "F2", 7)}"
            + $"{Number(Median(_raw, f => f.CpuNs), "F0", 13)}{Number(Median(_ours, f => f.CpuNs), "F0", 8)}"
            + $"{Number(Median(_raw, f => f.P50Us), "F0", 13)}{Number(Median(_ours, f => f.P50Us), "F0", 9)}"
            + $"{Number(Median(_raw, f => f.P99Us), "F0", 13)}{Number(Median(_ours, f => f.P99Us), "F0", 9)}{Number(Median(_ours, f => f.BytesEach), "F2", 8)}");
    }

    private void RunRaw()
    {
        if (raw is not null)
        {
            _raw.Add(raw());
        }

        if (fresh is not null)
        {
            _fresh.Add(fresh());
        }
    }

    private static double Median(List<Figures> runs, Func<Figures, double> figure) =>
        runs.Count == 0 ? double.NaN : runs.Select(figure).Order().ElementAt(runs.Count / 2);

    private static string Number(double value, string format, int width) =>
        (double.IsNaN(value) || value == 0 && format == "F0" ? "-" : value.ToString(format, CultureInfo.InvariantCulture)).PadLeft(width);
}
