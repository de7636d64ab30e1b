using System.Collections.Concurrent;

namespace Jesus.Transport.Nats.Connecting;

/// <summary>Events on their way to the observer, one at a time and in order, on a thread of the pool.</summary>
internal sealed class NatsEvents(INatsObserver? observer) : IThreadPoolWorkItem
{
    /// <summary>Events are rare by themselves; a server that says -ERR in a loop must not fill memory.</summary>
    private const int PendingMax = 1_024;

    private readonly ConcurrentQueue<NatsEvent> _pending = new();
    private int _isRunning;

    public void Raise(NatsEventKind kind, string server, string detail, long count = 0)
    {
        if (observer is null || _pending.Count >= PendingMax)
        {
            return;
        }

        _pending.Enqueue(new NatsEvent(kind, server, detail, count));
        if (Interlocked.Exchange(ref _isRunning, 1) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        do
        {
            while (_pending.TryDequeue(out var what))
            {
                observer!.Observe(what);
            }

            Volatile.Write(ref _isRunning, 0);
            Interlocked.MemoryBarrier();
        }
        while (!_pending.IsEmpty && Interlocked.Exchange(ref _isRunning, 1) == 0);
    }
}
