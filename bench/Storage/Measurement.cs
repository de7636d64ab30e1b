using System.Diagnostics;

namespace Jesus.Bench.Storage;

/// <summary>One timed loop: how many operations, and how long each took.</summary>
internal sealed class Measurement
{
    private readonly List<long> _ticks = new(1 << 20);
    private readonly Lock _gate = new();

    public double Seconds { get; set; }
    public double CpuSeconds { get; set; }
    public double AllocatedBytes { get; set; }
    public double PerSecond => _ticks.Count / Seconds;
    public double CpuMicrosecondsEach => CpuSeconds * 1e6 / _ticks.Count;
    public double BytesEach => AllocatedBytes / _ticks.Count;

    public void Add(long startTimestamp)
    {
        var ticks = Stopwatch.GetTimestamp() - startTimestamp;
        lock (_gate)
        {
            _ticks.Add(ticks);
        }
    }

    /// <summary>Milliseconds below which the share of operations took.</summary>
    public double Percentile(double share)
    {
        _ticks.Sort();
        return _ticks[(int)(share * (_ticks.Count - 1))] * 1e3 / Stopwatch.Frequency;
    }
}
