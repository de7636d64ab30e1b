namespace Jesus.Transport.Nats;

/// <summary>Somebody who waits and whose wait has ended: a requester, a subscriber, a publisher.</summary>
internal abstract class NatsWake : IThreadPoolWorkItem
{
    /// <summary>Continues the waiting code on this thread.</summary>
    public abstract void Execute();

    public void Queue() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
}
