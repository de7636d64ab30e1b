namespace Jesus.Inference.Contract;

/// <summary>A moment on the monotonic clock of one <see cref="TimeProvider"/>; <c>default</c> means none.</summary>
public readonly record struct Deadline(long Timestamp)
{
    public static Deadline None => default;
    public bool IsNone => Timestamp == 0;

    public static Deadline After(TimeProvider time, TimeSpan remaining)
    {
        var ticks = (long)(remaining.TotalSeconds * time.TimestampFrequency);
        return new Deadline(Math.Max(1, time.GetTimestamp() + ticks));
    }

    /// <summary>Time left, never negative; <see cref="Timeout.InfiniteTimeSpan"/> when there is no deadline.</summary>
    public TimeSpan Remaining(TimeProvider time)
    {
        if (IsNone)
        {
            return Timeout.InfiniteTimeSpan;
        }

        var left = Timestamp - time.GetTimestamp();
        return left <= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds((double)left / time.TimestampFrequency);
    }

    public bool Passed(TimeProvider time) => !IsNone && time.GetTimestamp() >= Timestamp;
}
