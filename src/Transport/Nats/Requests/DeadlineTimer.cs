using Jesus.Transport.Timing;

namespace Jesus.Transport.Nats.Requests;

/// <summary>Ticks while there is something with a time limit, and not at all while there is not.</summary>
internal sealed class DeadlineTimer : IDisposable
{
    /// <summary>How late a time limit may be found to be over.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);

    private readonly TimeProvider _time;
    private readonly Func<long, bool> _onTick;
    private readonly ITimer _timer;
    private int _isArmed;

    /// <param name="onTick">Given the time in milliseconds; says whether something is left to watch.</param>
    public DeadlineTimer(TimeProvider time, Func<long, bool> onTick)
    {
        _time = time;
        _onTick = onTick;
        _timer = time.CreateTimer(static self => ((DeadlineTimer)self!).OnTick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public long NowMs => _time.NowMs();

    public void Arm()
    {
        if (Volatile.Read(ref _isArmed) == 0 && Interlocked.Exchange(ref _isArmed, 1) == 0)
        {
            _timer.Change(Tick, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose() => _timer.Dispose();

    // Disarmed first: what begins while this one looks arms it again.
    private void OnTick()
    {
        Interlocked.Exchange(ref _isArmed, 0);
        if (_onTick(NowMs))
        {
            Arm();
        }
    }
}
