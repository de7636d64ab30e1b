namespace Jesus.Transport.Nats;

/// <summary>
/// Somebody who waits and whose wait has ended: a requester, a subscriber, a publisher. The connection's reader gathers them while it goes through what it
/// received, and lets them run only when its own next receive is under way: so the caller's code may run on the reader's thread, its caches warm and no thread
/// woken, and may block there as long as it likes without anybody else's message waiting for it.
/// </summary>
internal abstract class NatsWake : IThreadPoolWorkItem
{
    /// <summary>Of a list that one thread holds.</summary>
    public NatsWake? Next;

    /// <summary>Continues the waiting code on this thread.</summary>
    public abstract void Execute();

    public void Queue() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
}

/// <summary>Wakes that one thread gathered.</summary>
internal struct WakeList
{
    private NatsWake? _first;

    public void Add(NatsWake wake)
    {
        wake.Next = _first;
        _first = wake;
    }

    public WakeList Take()
    {
        var taken = this;
        _first = null;
        return taken;
    }

    /// <summary>One runs here, after the others were given to the pool: none waits for another to return.</summary>
    public readonly void RunHere()
    {
        var wake = _first;
        while (wake is not null)
        {
            var next = wake.Next;
            wake.Next = null;
            if (next is null)
            {
                wake.Execute();
                return;
            }

            ThreadPool.UnsafeQueueUserWorkItem(wake, preferLocal: true);
            wake = next;
        }
    }

    /// <summary>All to the pool: this thread has more to read.</summary>
    public readonly void RunElsewhere()
    {
        var wake = _first;
        while (wake is not null)
        {
            var next = wake.Next;
            wake.Next = null;
            wake.Queue();
            wake = next;
        }
    }
}
