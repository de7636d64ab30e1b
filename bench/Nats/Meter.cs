using System.Diagnostics;

namespace Jesus.Bench.Nats;

/// <summary>Time, processor time and managed bytes of the whole process over a stretch.</summary>
internal readonly record struct Meter(long Begun, TimeSpan Cpu, long Bytes)
{
    public static Meter Start() => new(Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes(precise: true));

    public Figures Stop(long messages)
    {
        var seconds = Stopwatch.GetElapsedTime(Begun).TotalSeconds;
        var bytes = GC.GetTotalAllocatedBytes(precise: true) - Bytes;
        var cpu = (Environment.CpuUsage.TotalTime - Cpu).TotalSeconds;
        return new Figures(messages / seconds, cpu * 1e9 / messages, BytesEach: (double)bytes / messages);
    }
}
