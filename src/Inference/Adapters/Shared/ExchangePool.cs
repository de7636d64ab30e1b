namespace Jesus.Inference.Adapters.Shared;

/// <summary>The buffers of one call and the reading of its answer: owned by the call from rent to return.</summary>
internal interface IExchange : IDisposable
{
    void Reset();
}

/// <summary>Keeps exchanges of ended calls for the next ones. Thread-safe.</summary>
internal sealed class ExchangePool<T> : IDisposable
    where T : class, IExchange, new()
{
    /// <summary>Exchanges kept for reuse, about 20 KB each.</summary>
    private const int KeptMax = 256;

    private readonly Stack<T> _kept = new();
    private readonly Lock _gate = new();

    /// <summary>The one returned last: its buffers are still in a cache.</summary>
    public T Rent()
    {
        lock (_gate)
        {
            return _kept.TryPop(out var exchange) ? exchange : new T();
        }
    }

    public void Return(T exchange)
    {
        exchange.Reset();
        lock (_gate)
        {
            if (_kept.Count < KeptMax)
            {
                _kept.Push(exchange);
                return;
            }
        }

        exchange.Dispose();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            while (_kept.TryPop(out var exchange))
            {
                exchange.Dispose();
            }
        }
    }
}
