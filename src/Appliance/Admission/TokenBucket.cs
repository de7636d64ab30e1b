namespace Jesus.Appliance.Admission;

/// <summary>A bucket of calls that refills evenly over a minute. Pure: monotonic milliseconds are an argument.</summary>
/// <param name="Level">Calls left, times 60,000 (so a millisecond refills a whole number).</param>
public readonly record struct TokenBucket(long Level, long AsOfMs)
{
    private const long Unit = 60_000;

    public static TokenBucket Full(int perMinute, long nowMs) => new(perMinute * Unit, nowMs);

    /// <summary>Takes one call. When none is left, <paramref name="waitMs"/> is exactly how long until one is.</summary>
    public bool TryTake(int perMinute, long nowMs, out TokenBucket next, out long waitMs)
    {
        var elapsed = Math.Clamp(nowMs - AsOfMs, 0, Unit);
        var level = Math.Min(perMinute * Unit, Level + (elapsed * perMinute));
        var taken = level >= Unit;
        next = new TokenBucket(taken ? level - Unit : level, nowMs);
        waitMs = taken ? 0 : (Unit - level + perMinute - 1) / perMinute;
        return taken;
    }
}
