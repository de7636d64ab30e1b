using Jesus.Transport.Nats.Protocol;
using Jesus.Transport.Nats.Requests;
using Jesus.Transport.Nats.Sending;

namespace Jesus.Transport.Nats.Subscribing;

/// <summary>
/// Subscriptions by the number that the server repeats with each message: the slot in the lowest 16 bits, above it the slot's use, so that a late message of an earlier
/// use is nobody's. The reader looks up with one array access and no lock.
/// </summary>
internal sealed class SubscriptionTable(Outbox outbox, RequestTable requests, int max, Action<NatsSubscription> onSlow, Func<CancellationToken, ValueTask<NatsResult>> flush)
{
    /// <summary>All answers to requests; no slot's number, since their uses begin at 1.</summary>
    public const long RequestsSid = 1;

    private const int SlotBits = 16;
    private const int FirstSlots = 64;

    private readonly Lock _gate = new();
    private readonly Stack<int> _free = new();
    private NatsSubscription?[] _slots = new NatsSubscription?[FirstSlots];
    private uint[] _uses = new uint[FirstSlots];
    private int _used;
    private int _count;
    private long _dropped;
    private bool _isClosed;

    public int Count => Volatile.Read(ref _count);
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>On the connection's reader.</summary>
    public NatsSubscription? Find(long sid)
    {
        var slots = Volatile.Read(ref _slots);
        var slot = (int)(sid & ((1 << SlotBits) - 1));
        return slot < slots.Length && slots[slot] is { } subscription && subscription.Sid == sid ? subscription : null;
    }

    /// <summary>False: as many as may be exist, or the connection is closed.</summary>
    public bool TryAdd(NatsSubscription subscription)
    {
        lock (_gate)
        {
            if (_isClosed || (_free.Count == 0 && _used == Math.Min(max, NatsLimits.SubscriptionsMax)))
            {
                return false;
            }

            var slot = _free.TryPop(out var free) ? free : AddSlot();
            subscription.Sid = ((long)++_uses[slot] << SlotBits) | (uint)slot;
            Volatile.Write(ref _slots[slot], subscription);
            _count++;
            Span<byte> frame = stackalloc byte[BoundOf(subscription)];
            outbox.Control(frame[..Write(frame, subscription)]);
            return true;
        }
    }

    public void Remove(NatsSubscription subscription, bool tellServer)
    {
        lock (_gate)
        {
            if (Find(subscription.Sid) == subscription)
            {
                var slot = (int)(subscription.Sid & ((1 << SlotBits) - 1));
                Volatile.Write(ref _slots[slot], null);
                _free.Push(slot);
                _count--;
                if (tellServer)
                {
                    SendUnsubscribe(subscription);
                }
            }
        }

        subscription.End();
    }

    public async ValueTask DrainAsync(NatsSubscription subscription, CancellationToken cancel)
    {
        SendUnsubscribe(subscription);
        await flush(cancel).ConfigureAwait(false);
        Remove(subscription, tellServer: false);
    }

    /// <summary>Tells the server to send nothing more; what is on its way still arrives.</summary>
    public void UnsubscribeAll() => Array.ForEach(All(), SendUnsubscribe);

    public NatsSubscription[] All()
    {
        lock (_gate)
        {
            return [.. _slots.OfType<NatsSubscription>()];
        }
    }

    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
        }

        foreach (var subscription in All())
        {
            Remove(subscription, tellServer: false);
        }
    }

    /// <summary>
    /// A connection stands: the server is told of every subscription before anything else is sent. Under the same lock under which subscriptions come and go, so that
    /// each is told of once, here or as it comes.
    /// </summary>
    public void Attach(Stream stream, Action<Exception> onBroken)
    {
        lock (_gate)
        {
            var all = All();
            var frames = new byte[requests.Wildcard.Span.Length + FrameWriter.ControlBytes + all.Sum(BoundOf)];
            var at = FrameWriter.Subscribe(frames, requests.Wildcard.Span, default, RequestsSid);
            foreach (var subscription in all)
            {
                at += Write(frames.AsSpan(at), subscription);
            }

            outbox.Attach(stream, frames.AsMemory(0, at), onBroken);
        }
    }

    public void CountDrop() => Volatile.Write(ref _dropped, _dropped + 1);

    public void ReportSlow(NatsSubscription subscription) => onSlow(subscription);

    private static int BoundOf(NatsSubscription subscription) => subscription.Subject.Span.Length + subscription.QueueGroup.Length + (2 * FrameWriter.ControlBytes);

    private static int Write(Span<byte> into, NatsSubscription subscription)
    {
        var at = FrameWriter.Subscribe(into, subscription.Subject.Span, subscription.QueueGroup, subscription.Sid);
        return subscription.Remaining > 0 ? at + FrameWriter.Unsubscribe(into[at..], subscription.Sid, subscription.Remaining) : at;
    }

    private void SendUnsubscribe(NatsSubscription subscription)
    {
        Span<byte> frame = stackalloc byte[FrameWriter.ControlBytes];
        outbox.Control(frame[..FrameWriter.Unsubscribe(frame, subscription.Sid, 0)]);
    }

    private int AddSlot()
    {
        if (_used == _slots.Length)
        {
            Array.Resize(ref _uses, _slots.Length * 2);
            var larger = new NatsSubscription?[_slots.Length * 2];
            _slots.CopyTo(larger, 0);
            Volatile.Write(ref _slots, larger);
        }

        return _used++;
    }
}
