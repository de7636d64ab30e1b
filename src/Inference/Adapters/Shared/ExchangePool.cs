using System.Collections.Concurrent;

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

    private readonly ConcurrentQueue<T> _kept = new();
    private int _count;

    public T Rent()
    {
        if (!_kept.TryDequeue(out var exchange))
        {
            return new T();
        }

        Interlocked.Decrement(ref _count);
        return exchange;
    }

    public void Return(T exchange)
    {
        exchange.Reset();
        if (Interlocked.Increment(ref _count) <= KeptMax)
        {
            _kept.Enqueue(exchange);
            return;
        }

        Interlocked.Decrement(ref _count);
        exchange.Dispose();
    }

    public void Dispose()
    {
        while (_kept.TryDequeue(out var exchange))
        {
            exchange.Dispose();
        }
    }
}
