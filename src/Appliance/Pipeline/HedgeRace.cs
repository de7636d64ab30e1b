using System.Threading.Tasks.Sources;
using Jesus.Inference.Contract;
using Jesus.Transport.Timing;

namespace Jesus.Appliance.Pipeline;

/// <summary>
/// Two attempts of one call: the first content wins, the other is cancelled. Made by the first call that may be hedged and kept with its
/// <see cref="CallPath"/>, so that a call whose first candidate begins in time allocates nothing for it.
/// </summary>
internal sealed class HedgeRace : IValueTaskSource<bool>, IDisposable
{
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private ManualResetValueTaskSourceCore<bool> _late = new() { RunContinuationsAsynchronously = true };
    private CallPath _path = null!;
    private long _lateAtMs;
    private int _told;
    private int _winner;

    public HedgeRace(TimeProvider time)
    {
        _time = time;
        _timer = time.CreateTimer(static race => ((HedgeRace)race!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        One = new RaceLane(this, 1);
        Two = new RaceLane(this, 2);
        Second = new Attempt(new AttemptWatch(time));
        Two.Watch = Second.Watch;
    }

    public RaceLane One { get; }
    public RaceLane Two { get; }
    public Attempt Second { get; }

    /// <summary>The second attempt's request: attempts set the candidate's model in it.</summary>
    public ModelRequest Request { get; } = new();

    /// <summary>Which attempt's content came first: 1, 2, or 0 for none yet.</summary>
    public int Winner => Volatile.Read(ref _winner);
    public AttemptSink Inner => _path.Sink;

    public void Begin(CallPath path, long afterMs)
    {
        _path = path;
        One.Watch = path.Watch;
        One.Reset();
        Two.Reset();
        _late.Reset();
        _winner = 0;
        Volatile.Write(ref _lateAtMs, _time.NowMs() + afterMs);
        Volatile.Write(ref _told, 0);
        _timer.Change(TimeSpan.FromMilliseconds(afterMs), Timeout.InfiniteTimeSpan);
    }

    /// <summary>True when the time has passed and nothing has come; false when the first attempt began or ended before. Once per race.</summary>
    public ValueTask<bool> IsLateAsync() => new(this, _late.Version);

    /// <summary>The first attempt is over.</summary>
    public void FirstEnded() => Tell(false);

    public void End() => _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    /// <summary>The first to come wins; the other is cancelled at once.</summary>
    public bool TryWin(int number)
    {
        if (Interlocked.CompareExchange(ref _winner, number, 0) != 0)
        {
            return false;
        }

        var (winner, loser) = number == 1 ? (_path.First, Second) : (Second, _path.First);
        _path.Call.Candidate = winner.Candidate;
        Inner.Follow(winner.Watch);
        Tell(false);
        loser.Watch.Cancel(ErrorCause.Cancelled);
        return true;
    }

    public bool GetResult(short token) => _late.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _late.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _late.OnCompleted(continuation, state, token, flags);

    public void Dispose()
    {
        _timer.Dispose();
        Second.Watch.Dispose();
    }

    // A timer may fire a fraction of a millisecond early, and a late callback of the race before finds this one's time not yet come: both look again.
    private void OnTimer()
    {
        var left = Volatile.Read(ref _lateAtMs) - _time.NowMs();
        if (left <= 0)
        {
            Tell(true);
        }
        else if (Volatile.Read(ref _told) == 0)
        {
            _timer.Change(TimeSpan.FromMilliseconds(left), Timeout.InfiniteTimeSpan);
        }
    }

    private void Tell(bool late)
    {
        if (Interlocked.Exchange(ref _told, 1) == 0)
        {
            _late.SetResult(late);
        }
    }
}
