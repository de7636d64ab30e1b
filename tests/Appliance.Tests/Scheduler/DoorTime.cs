namespace Jesus.Appliance.Tests.Scheduler;

/// <summary>A clock that moves only when told, and its timers with it. One thread.</summary>
internal sealed class DoorTime : TimeProvider
{
    private readonly List<Timer> _timers = [];

    public long NowMs { get; private set; } = 1_000;

    /// <summary>Timers fire on the way, in order.</summary>
    public void Move(long ms)
    {
        var end = NowMs + ms;
        while (_timers.Where(timer => timer.DueMs <= end).MinBy(timer => timer.DueMs) is { } next)
        {
            NowMs = Math.Max(NowMs, next.DueMs);
            next.Fire();
        }

        NowMs = end;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, () => callback(state));
        _timers.Add(timer);
        _ = timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(DoorTime time, Action callback) : ITimer
    {
        public long DueMs { get; private set; } = long.MaxValue;

        public void Fire()
        {
            DueMs = long.MaxValue;
            callback();
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            DueMs = dueTime == Timeout.InfiniteTimeSpan ? long.MaxValue : time.NowMs + (long)dueTime.TotalMilliseconds;
            return true;
        }

        public void Dispose() => DueMs = long.MaxValue;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
