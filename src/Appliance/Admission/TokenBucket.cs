namespace Jesus.Appliance.Admission;

/// <summary>A bucket of calls or tokens that refills evenly and holds one minute's worth. Pure: monotonic milliseconds are an argument.</summary>
/// <param name="Level">What is left, times 60,000 (so a millisecond refills a whole number); below zero where more was used than taken.</param>
public readonly record struct TokenBucket(long Level, long AsOfMs)
{
    /// <summary>The largest rate: a minute of it times <see cref="Unit"/>, and a day's refill, stay far below overflow.</summary>
    public const long PerMinuteMax = 1_000_000_000;

    /// <summary>Of <see cref="Level"/> to one call or token.</summary>
    public const long Unit = 60_000;
    private const long RefillMsMax = 24 * 3_600_000L;

    public static TokenBucket Full(long perMinute, long nowMs) => new(perMinute * Unit, nowMs);

    /// <summary>The same bucket at a later moment.</summary>
    public TokenBucket At(long perMinute, long nowMs)
    {
        var elapsed = Math.Clamp(nowMs - AsOfMs, 0, RefillMsMax);
        return new TokenBucket(Math.Min(perMinute * Unit, Level + (elapsed * perMinute)), nowMs);
    }

    /// <summary>Takes one call.</summary>
    public bool TryTake(int perMinute, long nowMs, out TokenBucket next, out long waitMs) => TryTake(perMinute, 1, nowMs, out next, out waitMs);

    /// <summary>Takes an amount, at most a full bucket. When too little is left, <paramref name="waitMs"/> is exactly how long until there is enough.</summary>
    public bool TryTake(long perMinute, long amount, long nowMs, out TokenBucket next, out long waitMs)
    {
        next = At(perMinute, nowMs);
        var needed = Math.Min(amount, perMinute) * Unit;
        waitMs = next.Level >= needed ? 0 : (needed - next.Level + perMinute - 1) / perMinute;
        next = waitMs == 0 ? next with { Level = next.Level - needed } : next;
        return waitMs == 0;
    }

    /// <summary>Milliseconds until a bucket as it stands holds so much, be it more than it can.</summary>
    public long UntilMs(long perMinute, double amount) => Level >= amount * Unit ? 0 : (long)Math.Ceiling(((amount * Unit) - Level) / perMinute);

    /// <summary>Corrects what was taken by what was used; the difference may leave a debt that the next callers wait for.</summary>
    public TokenBucket Correct(long perMinute, long taken, long used) => this with
    {
        Level = Math.Min(perMinute * Unit, Level + ((Math.Min(taken, perMinute) - Math.Min(used, PerMinuteMax)) * Unit)),
    };

    public RateFigure Figure(long perMinute, long nowMs)
    {
        var now = At(perMinute, nowMs);
        return new RateFigure(perMinute, Math.Max(0, now.Level / Unit), ((perMinute * Unit) - now.Level + perMinute - 1) / perMinute);
    }
}
