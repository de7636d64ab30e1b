namespace Jesus.Inference.Contract;

/// <summary>How often and how long a call stood still for more urgent ones, as far as it has come. Any thread.</summary>
public sealed class PauseTally
{
    private readonly Lock _gate = new();
    private TimeProvider? _time;
    private int _times;
    private TimeSpan _ended;
    private long _since;

    /// <summary>How many attempts stand still now: two of a call may run at once.</summary>
    private int _still;

    public Pauses Sum
    {
        get
        {
            lock (_gate)
            {
                return new Pauses(_times, _still > 0 ? _ended + _time!.GetElapsedTime(_since) : _ended, _still > 0);
            }
        }
    }

    /// <summary>An attempt begins to stand still, or goes on.</summary>
    public void Change(bool isHeld, TimeProvider time)
    {
        lock (_gate)
        {
            if (isHeld)
            {
                (_time, _since) = (time, _still == 0 ? time.GetTimestamp() : _since);
                _still++;
                _times++;
            }
            else if (_still > 0 && --_still == 0)
            {
                _ended += time.GetElapsedTime(_since);
            }
        }
    }

    public void Reset()
    {
        lock (_gate)
        {
            (_times, _still, _ended) = (0, 0, TimeSpan.Zero);
        }
    }
}

/// <param name="Times">How often it stood still.</param>
/// <param name="Time">For how long together, the pause under way included.</param>
/// <param name="IsNow">It stands still.</param>
public readonly record struct Pauses(int Times, TimeSpan Time, bool IsNow);
