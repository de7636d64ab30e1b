namespace Jesus.Transport.Timing;

/// <summary>Milliseconds of a <see cref="TimeProvider"/>'s monotonic clock, the unit of every decider and time limit.</summary>
public static class MonotonicClock
{
    public static long NowMs(this TimeProvider time) => time.GetTimestamp() / (time.TimestampFrequency / 1_000);
}
