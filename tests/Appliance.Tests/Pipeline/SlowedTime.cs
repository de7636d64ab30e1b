namespace Jesus.Appliance.Tests.Pipeline;

/// <summary>
/// The system's clock, by which an engine's thread can be slowed down: while it is, each look at the clock takes 5 ms. So a test has seconds to do something while answers
/// are in their middle, however fast the engine is. The clock can be moved on as well.
/// </summary>
internal sealed class SlowedTime : TimeProvider
{
    private long _ahead;
    private volatile bool _isSlow;

    public bool IsSlow
    {
        get => _isSlow;
        set => _isSlow = value;
    }

    public override long GetTimestamp()
    {
        if (_isSlow && Thread.CurrentThread.Name?.StartsWith("engine ", StringComparison.Ordinal) == true)
        {
            Thread.Sleep(5);
        }

        return System.GetTimestamp() + Interlocked.Read(ref _ahead);
    }

    public void Move(TimeSpan by) => Interlocked.Add(ref _ahead, (long)(by.TotalSeconds * TimestampFrequency));
}
