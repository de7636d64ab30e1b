namespace Jesus.Transport.Pooling;

/// <summary>
/// Objects whose call has ended, at rest until the next one: a stack under a lock, so that whoever comes is given the one returned last, which is still in a cache.
/// Thread-safe. Whoever rests an object has reset it.
/// </summary>
/// <param name="restMax">Objects kept; whoever creates the pool says what one holds.</param>
public sealed class RestingObjects<T>(int restMax)
    where T : class
{
    private readonly Stack<T> _resting = new();
    private readonly Lock _gate = new();

    /// <returns>Null when none rests: make a new one.</returns>
    public T? Take()
    {
        lock (_gate)
        {
            return _resting.TryPop(out var taken) ? taken : null;
        }
    }

    /// <returns>False when as many rest as may: the object is still the caller's.</returns>
    public bool TryRest(T ended)
    {
        lock (_gate)
        {
            if (_resting.Count >= restMax)
            {
                return false;
            }

            _resting.Push(ended);
            return true;
        }
    }
}
