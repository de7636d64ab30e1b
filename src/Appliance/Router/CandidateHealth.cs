using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>Long-lived holder of what is known of a candidate from calling it; outlives route tables. Thread-safe.</summary>
public sealed class CandidateHealth
{
    private readonly Lock _gate = new();
    private readonly CandidateSpeed _speed = new();
    private BreakerState _state;
    private int _inFlight;

    public BreakerState State
    {
        get
        {
            lock (_gate)
            {
                return _state;
            }
        }
    }

    public SpeedFigures Speed
    {
        get
        {
            lock (_gate)
            {
                return _speed.Figures;
            }
        }
    }

    /// <summary>Attempts under way from this box.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>An attempt begins; <see cref="End"/> must follow.</summary>
    public void Begin() => Interlocked.Increment(ref _inFlight);

    public void End() => Interlocked.Decrement(ref _inFlight);

    /// <summary>Better left alone now: its breaker is open, it asked for a pause, or after a rest one call is trying it already.</summary>
    public bool Rests(long nowMs)
    {
        var state = State;
        return Breaker.RestsUntil(state, nowMs) > 0 || (state.Trips > 0 && InFlight > 0);
    }

    public void Succeeded()
    {
        lock (_gate)
        {
            _state = Breaker.OnSuccess(_state);
        }
    }

    public void Failed(ErrorCause cause, TimeSpan retryAfter, long nowMs)
    {
        lock (_gate)
        {
            _state = Breaker.OnFailure(_state, cause, (long)retryAfter.TotalMilliseconds, nowMs);
        }
    }

    /// <summary>An answer came.</summary>
    /// <param name="firstMs">From the call to the first content.</param>
    /// <param name="restMs">From there to the end.</param>
    /// <param name="tokens">Of the answer.</param>
    public void Measured(long firstMs, long restMs, int tokens, long nowMs)
    {
        lock (_gate)
        {
            _speed.Note(firstMs, restMs, tokens, nowMs);
        }
    }

    /// <inheritdoc cref="CandidateSpeed.FirstTokenPercentile"/>
    public long FirstTokenPercentile(int percentile)
    {
        lock (_gate)
        {
            return _speed.FirstTokenPercentile(percentile);
        }
    }
}
