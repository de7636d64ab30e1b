namespace Jesus.Appliance.Admission;

/// <summary>Per cent of the memory that the box lets the daemon have, as the last collection saw it; asked for at most four times a second.</summary>
internal sealed class MemoryGauge
{
    private const long FreshMs = 250;
    private long _asOfMs = long.MinValue / 2;
    private int _percent;

    public int Percent(long nowMs)
    {
        if (nowMs - _asOfMs >= FreshMs)
        {
            var memory = GC.GetGCMemoryInfo(GCKind.Any);
            _percent = memory.TotalAvailableMemoryBytes > 0 ? (int)(memory.MemoryLoadBytes * 100 / memory.TotalAvailableMemoryBytes) : 0;
            _asOfMs = nowMs;
        }

        return _percent;
    }
}
