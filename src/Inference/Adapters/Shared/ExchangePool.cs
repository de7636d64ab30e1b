using Jesus.Transport.Pooling;

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

    private readonly RestingObjects<T> _kept = new(KeptMax);

    public T Rent() => _kept.Take() ?? new T();

    public void Return(T exchange)
    {
        exchange.Reset();
        if (!_kept.TryRest(exchange))
        {
            exchange.Dispose();
        }
    }

    public void Dispose()
    {
        while (_kept.Take() is { } exchange)
        {
            exchange.Dispose();
        }
    }
}
