namespace Jesus.Inference.Contract;

/// <summary>A call under way that can stand still and go on later as if nothing had been. Any thread.</summary>
public interface IHoldable
{
    /// <summary>Positions of the KV cache that it has filled, about: what others may have while it stands still.</summary>
    int TokensHeld { get; }

    /// <summary>Lets it stand still, or go on, from its next step. Its deadline runs on.</summary>
    void Hold(bool isHeld);
}

/// <summary>
/// Joins who gives calls their places to who computes them: an adapter whose calls can stand still attaches each while it is under way, and the giver of places then may hold
/// it for a more urgent one. One an attempt, reused. Any thread.
/// </summary>
/// <param name="changed">Told, under a lock, when the call begins or ends standing still; null when nobody need know.</param>
public sealed class CallHold(Action<bool>? changed = null)
{
    private readonly Lock _gate = new();
    private IHoldable? _call;
    private bool _isHeld;

    public bool CanHold
    {
        get
        {
            lock (_gate)
            {
                return _call is not null;
            }
        }
    }

    /// <summary>What the call has filled of the KV cache; 0 when none is under way.</summary>
    public int TokensHeld
    {
        get
        {
            lock (_gate)
            {
                return _call?.TokensHeld ?? 0;
            }
        }
    }

    /// <summary>The adapter's: the call is under way.</summary>
    public void Attach(IHoldable call)
    {
        lock (_gate)
        {
            _call = call;
        }
    }

    /// <summary>The adapter's: the call is over, and nothing reaches it from here any more.</summary>
    public void Detach()
    {
        lock (_gate)
        {
            _call = null;
        }
    }

    /// <summary>Lets the call under way stand still; false when there is none that could.</summary>
    public bool TryHold()
    {
        lock (_gate)
        {
            if (_call is null)
            {
                return false;
            }

            _isHeld = true;
            changed?.Invoke(true);
            _call.Hold(true);
            return true;
        }
    }

    /// <summary>Lets the call go on, or does nothing where it is over.</summary>
    public void Release()
    {
        lock (_gate)
        {
            if (_isHeld)
            {
                _isHeld = false;
                changed?.Invoke(false);
                _call?.Hold(false);
            }
        }
    }
}
