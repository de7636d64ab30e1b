using System.Runtime.InteropServices;

namespace Jesus.Transport.Nats.Memory;

/// <summary>
/// Messages between the connection's reader and one subscriber: one thread puts, one takes, neither locks. A ring that grows by linking a ring of twice its
/// size, so that after a while one ring holds everything and nothing is allocated.
/// </summary>
internal sealed class MessageQueue
{
    private const int FirstCapacity = 32;
    private const int CapacityMax = 8 * 1024;

    private Ring _writing = new(FirstCapacity);
    private Counters _counters;
    private Ring _reading;

    public MessageQueue() => _reading = _writing;

    /// <summary>Messages that wait, as the writer sees it: never fewer than there are.</summary>
    public long Count => _counters.PutMessages - Volatile.Read(ref _counters.TakenMessages);

    /// <summary>Bytes that wait, likewise.</summary>
    public long Bytes => _counters.PutBytes - Volatile.Read(ref _counters.TakenBytes);

    public bool IsEmpty => Volatile.Read(ref _counters.PutMessages) == Volatile.Read(ref _counters.TakenMessages);

    /// <summary>Writer only.</summary>
    public void Put(in NatsMessage message)
    {
        var ring = _writing;
        if (!ring.TryPut(message))
        {
            var larger = new Ring(Math.Min(ring.Capacity * 2, CapacityMax));
            larger.TryPut(message);
            _writing = larger;
            Volatile.Write(ref ring.Next, larger);
        }

        _counters.PutBytes += message.Footprint;
        Volatile.Write(ref _counters.PutMessages, _counters.PutMessages + 1);
    }

    /// <summary>Reader only.</summary>
    public bool TryTake(out NatsMessage message)
    {
        while (!_reading.TryTake(out message))
        {
            // The next ring is linked after the last message of this one was put: so this one is looked at once more.
            if (Volatile.Read(ref _reading.Next) is not { } next)
            {
                return false;
            }

            if (_reading.TryTake(out message))
            {
                break;
            }

            _reading = next;
        }

        Volatile.Write(ref _counters.TakenBytes, _counters.TakenBytes + message.Footprint);
        Volatile.Write(ref _counters.TakenMessages, _counters.TakenMessages + 1);
        return true;
    }

    /// <summary>The two sides' counters, on cache lines of their own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Counters
    {
        [FieldOffset(64)]
        public long PutMessages;

        [FieldOffset(72)]
        public long PutBytes;

        [FieldOffset(128)]
        public long TakenMessages;

        [FieldOffset(136)]
        public long TakenBytes;
    }

    private sealed class Ring(int capacity)
    {
        public Ring? Next;
        private readonly NatsMessage[] _items = new NatsMessage[capacity];
        private Marks _marks;

        public int Capacity => _items.Length;

        public bool TryPut(in NatsMessage message)
        {
            var put = _marks.Put;
            if (put - _marks.TakenSeen >= _items.Length)
            {
                _marks.TakenSeen = Volatile.Read(ref _marks.Taken);
                if (put - _marks.TakenSeen >= _items.Length)
                {
                    return false;
                }
            }

            _items[put & (_items.Length - 1)] = message;
            Volatile.Write(ref _marks.Put, put + 1);
            return true;
        }

        public bool TryTake(out NatsMessage message)
        {
            var taken = _marks.Taken;
            if (taken == _marks.PutSeen)
            {
                _marks.PutSeen = Volatile.Read(ref _marks.Put);
                if (taken == _marks.PutSeen)
                {
                    message = default;
                    return false;
                }
            }

            ref var item = ref _items[taken & (_items.Length - 1)];
            message = item;
            item = default;
            Volatile.Write(ref _marks.Taken, taken + 1);
            return true;
        }

        /// <summary>Each side's mark, and what it last saw of the other's: read anew only when the ring seems full or empty.</summary>
        [StructLayout(LayoutKind.Explicit, Size = 256)]
        private struct Marks
        {
            [FieldOffset(64)]
            public long Put;

            [FieldOffset(72)]
            public long TakenSeen;

            [FieldOffset(128)]
            public long Taken;

            [FieldOffset(136)]
            public long PutSeen;
        }
    }
}
