using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>Long-lived holder of a candidate's <see cref="BreakerState"/>; outlives route tables. Thread-safe.</summary>
public sealed class CandidateHealth
{
    private readonly Lock _gate = new();
    private BreakerState _state;

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
}
