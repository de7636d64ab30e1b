namespace Jesus.Appliance.Federation.Membership;

/// <summary>
/// How often a box says how it is, and how long others wait for it. Pure. Every status reaches every other box, so N boxes cost N(N-1) deliveries a round: up to 45
/// boxes a second is fine, beyond that rounds get longer, and everything that is measured in rounds with them.
/// </summary>
public sealed record StatusPace
{
    /// <summary>Announced intervals outside these are brought inside: a slip of a digit must neither flood nor keep a dead peer for days.</summary>
    public const int IntervalMsMin = 20;
    public const int IntervalMsMax = 3 * 3_600_000;

    /// <summary>Intervals after which the third status in a row is missing, with a quarter of one for a sender or a network that is late.</summary>
    private const double SuspectAfter = 3.25;
    private const int GoneAfter = 10;

    /// <summary>A peer that is gone is shown for so long, that a person sees what happened.</summary>
    private const long ShownMs = 3_600_000;

    /// <summary>In a small fleet.</summary>
    public int IntervalMs { get; init; } = 1_000;

    /// <summary>In all of the fleet: what one small NATS server carries without noticing.</summary>
    public int DeliveriesPerSecondMax { get; init; } = 2_000;

    public static StatusPace Default { get; } = new();

    /// <summary>Milliseconds between two statuses of one box.</summary>
    /// <param name="boxes">Boxes of the fleet that are not gone, this one included.</param>
    public int For(int boxes)
    {
        var deliveries = (long)boxes * (boxes - 1);
        return (int)Math.Clamp(Math.Max(IntervalMs, deliveries * 1_000 / DeliveriesPerSecondMax), IntervalMsMin, IntervalMsMax);
    }

    public static int Announced(long intervalMs) => (int)Math.Clamp(intervalMs, IntervalMsMin, IntervalMsMax);

    public static long SuspectMs(int intervalMs) => (long)(intervalMs * SuspectAfter);

    public static long GoneMs(int intervalMs) => (long)intervalMs * GoneAfter;

    public static long ForgetMs(int intervalMs) => Math.Max(ShownMs, 10 * GoneMs(intervalMs));
}
