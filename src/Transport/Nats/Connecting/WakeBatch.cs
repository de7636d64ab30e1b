using System.Diagnostics.CodeAnalysis;

namespace Jesus.Transport.Nats.Connecting;

/// <summary>
/// Those whom one receive woke. They run one after another on the reader's own thread, its caches warm and no other thread woken; what they publish leaves together when
/// the last has run. One that takes long loses the thread its office: <see cref="ReaderThreads"/> then gives the rest to the pool and lets another thread read on.
/// </summary>
internal sealed class WakeBatch
{
    [ThreadStatic]
    private static WakeBatch? _current;

    private NatsWake?[] _items = new NatsWake?[64];
    private int _count;
    private int _next;
    private bool _isRevoked;

    public bool IsEmpty => _count == 0;

    /// <summary>The calling thread runs this batch and will send what it publishes when it is through.</summary>
    public bool HoldsThread => _current == this && !Volatile.Read(ref _isRevoked);

    public void Add(NatsWake wake)
    {
        if (_count == _items.Length)
        {
            Array.Resize(ref _items, _count * 2);
        }

        _items[_count++] = wake;
    }

    public void RunHere()
    {
        _current = this;
        while (TryNext(out var wake))
        {
            wake.Execute();
        }

        _current = null;
    }

    /// <summary>Each to the pool; also while another thread is inside <see cref="RunHere"/>, which then finds none left and holds nothing back any more.</summary>
    public void RunElsewhere()
    {
        Volatile.Write(ref _isRevoked, true);
        while (TryNext(out var wake))
        {
            wake.Queue();
        }
    }

    /// <summary>All have run, here.</summary>
    public void Clear()
    {
        Array.Clear(_items, 0, _count);
        (_count, _next) = (0, 0);
    }

    private bool TryNext([NotNullWhen(true)] out NatsWake? wake)
    {
        var place = Interlocked.Increment(ref _next) - 1;
        wake = place < _count ? _items[place] : null;
        return wake is not null;
    }
}
