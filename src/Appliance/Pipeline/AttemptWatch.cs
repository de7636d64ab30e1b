using Jesus.Inference.Contract;
using Jesus.Transport.Timing;

namespace Jesus.Appliance.Pipeline;

/// <summary>
/// Ends an attempt that is too slow or no longer wanted. One per call, reused: its token is cancelled when the caller cancels, when the first event does
/// not come in time, when the stream stalls, or at the call's deadline. Time that the reader of the answer takes is not the candidate's, nor is time for which the Scheduler
/// lets the call stand still; but the deadline is the reader's own.
/// </summary>
internal sealed class AttemptWatch : IDisposable
{
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private CancellationTokenSource _cancel = new();
    private CancellationTokenRegistration _caller;
    private long _firstMs;
    private long _stallMs;
    private long _committedStallMs;
    private long _endsMs;

    // The timer looks at least this often: the limit that holds changes as the answer goes on, the shortest of them is noticed in time.
    private long _lookMs;
    private long _lastMs;

    // The timer goes on running when an attempt ends: it then finds nothing to do. Setting it twice for every attempt would cost more.
    private long _firesAtMs = long.MaxValue;
    private volatile bool _running;
    private volatile bool _begun;
    private volatile bool _inReader;
    private volatile bool _isHeld;
    private bool _waitsForWork;
    private volatile ErrorCause _cause;

    public AttemptWatch(TimeProvider time)
    {
        _time = time;
        _timer = time.CreateTimer(static watch => ((AttemptWatch)watch!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public CancellationToken Token => _cancel.Token;

    /// <summary>Counts what the Scheduler does to the call that is watched; null for none.</summary>
    public PauseTally? Pauses { get; set; }

    /// <summary>Why the token was cancelled; <see cref="ErrorCause.None"/> while it was not.</summary>
    public ErrorCause Cause => _cause;

    /// <summary>It was cancelled because the call's deadline passed.</summary>
    public bool IsLate => _cause != ErrorCause.None && _time.NowMs() >= Volatile.Read(ref _endsMs);

    /// <param name="firstMs">Silence allowed before the first event.</param>
    /// <param name="stallMs">Between two events.</param>
    /// <param name="committedStallMs">Between two events once the answer is committed: nobody else may finish it.</param>
    /// <param name="waitsForWork">A candidate that says that it works on the answer is not silent; else somebody else is to have the call after these times.</param>
    /// <param name="leftMs">Until the call's deadline; <see cref="long.MaxValue"/> without one.</param>
    public void Start(long firstMs, long stallMs, long committedStallMs, bool waitsForWork, long leftMs, CancellationToken caller)
    {
        if (!_cancel.TryReset())
        {
            _cancel.Dispose();
            _cancel = new CancellationTokenSource();
        }

        _cause = ErrorCause.None;
        _begun = false;
        _inReader = false;
        _waitsForWork = waitsForWork;
        _firstMs = firstMs;
        _stallMs = stallMs;
        _committedStallMs = committedStallMs;
        _lookMs = Math.Min(leftMs, Math.Min(firstMs, Math.Min(stallMs, committedStallMs)));
        var now = _time.NowMs();
        Volatile.Write(ref _endsMs, leftMs == long.MaxValue ? leftMs : now + leftMs);
        Volatile.Write(ref _lastMs, now);
        _running = true;

        // Between the two: a callback that is under way sees the one, or has already said the other.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _firesAtMs) > now + _lookMs)
        {
            Arm(_lookMs);
        }

        _caller = caller.UnsafeRegister(static watch => ((AttemptWatch)watch!).Cancel(ErrorCause.Cancelled), this);
    }

    /// <summary>An event came.</summary>
    public void Progress()
    {
        _begun = true;
        Volatile.Write(ref _lastMs, _time.NowMs());
    }

    /// <summary>Nothing came, but the candidate says that it is at it.</summary>
    public void Works()
    {
        if (_waitsForWork)
        {
            Volatile.Write(ref _lastMs, _time.NowMs());
        }
    }

    /// <summary>The reader of the answer begins or ends taking an event.</summary>
    public void Reading(bool inReader)
    {
        Volatile.Write(ref _lastMs, _time.NowMs());
        _inReader = inReader;
    }

    /// <summary>The Scheduler lets the call stand still, or go on.</summary>
    public void Held(bool isHeld)
    {
        Volatile.Write(ref _lastMs, _time.NowMs());
        _isHeld = isHeld;
        Pauses?.Change(isHeld, _time);
    }

    /// <summary>Part of the answer has reached the reader.</summary>
    public void Commit() => _stallMs = _committedStallMs;

    public void Cancel(ErrorCause cause)
    {
        if (_running && _cause == ErrorCause.None)
        {
            _cause = cause;
            _cancel.Cancel();
        }
    }

    public void Stop()
    {
        _running = false;
        _caller.Dispose();
    }

    public void Dispose()
    {
        _timer.Dispose();
        _cancel.Dispose();
    }

    private void OnTimer()
    {
        Volatile.Write(ref _firesAtMs, long.MaxValue);
        Interlocked.MemoryBarrier();
        if (!_running)
        {
            return;
        }

        var now = _time.NowMs();
        var limit = _begun ? _stallMs : _firstMs;
        var left = Math.Min(_inReader || _isHeld ? limit : limit - (now - Volatile.Read(ref _lastMs)), Volatile.Read(ref _endsMs) - now);
        if (left > 0)
        {
            Arm(Math.Min(left, _lookMs));
            return;
        }

        Cancel(_begun ? ErrorCause.Stalled : ErrorCause.FirstTokenTimeout);
    }

    // A late callback of the attempt before finds time left and arms again: harmless.
    private void Arm(long milliseconds)
    {
        milliseconds = Math.Max(1, milliseconds);
        Volatile.Write(ref _firesAtMs, _time.NowMs() + milliseconds);
        _timer.Change(TimeSpan.FromMilliseconds(milliseconds), Timeout.InfiniteTimeSpan);
    }
}
