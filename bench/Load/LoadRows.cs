using System.Globalization;

namespace Jesus.Bench.Load;

/// <summary>Figures by row and target over the rounds; printed as medians, with the ratio to nginx.</summary>
internal sealed class LoadRows
{
    private readonly Dictionary<(string Row, string Target), List<double[]>> _figures = [];
    private readonly List<string> _rows = [];

    public void Add(string row, string target, LoadResult load, double cpuMicroseconds, double residentMegabytes)
    {
        if (!_rows.Contains(row))
        {
            _rows.Add(row);
        }

        if (!_figures.TryGetValue((row, target), out var list))
        {
            _figures[(row, target)] = list = [];
        }

        list.Add([load.PerSecond, cpuMicroseconds, load.P50, load.P99, load.Max, residentMegabytes, load.Answers - load.Good]);
    }

    public void Print(TextWriter output, IReadOnlyList<Target> targets)
    {
        foreach (var row in _rows)
        {
            output.WriteLine();
            output.WriteLine(
                $"{row,-12} {"requests/s",11} {"CPU us/req",11} {"p50 us",9} {"p99 us",9} {"max us",9} {"RSS MB",7} {"not 200",8}"
                + "   against nginx: rate, CPU, p50 added, p99");
            foreach (var target in targets)
            {
                var f = Median(row, target.Name);
                output.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{target.Name,-12} {f[0],11:F0} {f[1],11:F1} {f[2],9:F0} {f[3],9:F0} {f[4],9:F0} {f[5],7:F0} {f[6],8:F0}   {Ratios(row, target.Name)}"));
            }

            if (row.StartsWith("stream", StringComparison.Ordinal))
            {
                output.WriteLine(string.Join("  ", targets.Select(
                    t => string.Create(CultureInfo.InvariantCulture, $"{t.Name}: {Median(row, t.Name)[0] * MockAnswers.Events:F0} events/s"))));
            }
        }

        output.WriteLine();
        var starts = targets.Where(t => t.StartMs > 0).Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Name} {t.StartMs:F0} ms"));
        output.WriteLine("start to first answer: " + string.Join("  ", starts));
        output.WriteLine("bars: CPU <= 2x nginx; rate >= 0.6x nginx; added p50 at 1,000/s <= 1.5x nginx; p99 at 16 <= 1.5x nginx; RSS <= 80 MB; start <= 150 ms");
    }

    private string Ratios(string row, string target)
    {
        if (target is "direct" or "nginx" || !_figures.ContainsKey((row, "nginx")))
        {
            return "";
        }

        double[] ours = Median(row, target), nginx = Median(row, "nginx");
        var direct = _figures.ContainsKey((row, "direct")) ? Median(row, "direct")[2] : 0;
        return string.Create(
            CultureInfo.InvariantCulture, $"{ours[0] / nginx[0]:F2}x, {ours[1] / nginx[1]:F2}x, {(ours[2] - direct) / (nginx[2] - direct):F2}x, {ours[3] / nginx[3]:F2}x");
    }

    private double[] Median(string row, string target)
    {
        var list = _figures[(row, target)];
        return [.. Enumerable.Range(0, list[0].Length).Select(i => list.Select(f => f[i]).Order().ElementAt(list.Count / 2))];
    }
}
