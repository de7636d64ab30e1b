using System.Diagnostics;

namespace Jesus.Transport.Nats.Requests;

/// <summary>
/// Time limits of numbered slots: a hashed wheel (Varghese and Lauck 1987, scheme 6) of intrusive lists. Starting and cancelling unlink and link one entry, whatever is under
/// way; an advance visits the buckets of the ticks that have passed and the one that is passing. A limit longer than a turn stays in its bucket, passed over once a turn. All
/// entries lie in two arrays that grow with the slots: nothing is allocated for a timer. Not for several threads at once: its owner's lock guards it.
/// </summary>
internal sealed class TimerWheel
{
    /// <summary>With ticks of 4 ms a turn takes 2 s: most requests are answered, and cancelled here, before it is over.</summary>
    private const int Buckets = 512;
    private const int TickBits = 2;
    private const int None = -1;

    private readonly int[] _heads = new int[Buckets];
    private Entry[] _entries = [];
    private long _tick;

    /// <param name="nowMs">What an advance at the earliest will say.</param>
    public TimerWheel(long nowMs)
    {
        Array.Fill(_heads, None);
        _tick = nowMs >> TickBits;
    }

    /// <summary>Timers that run.</summary>
    public int Count { get; private set; }

    /// <summary>Starts a slot's timer; one that has passed ends with the next advance.</summary>
    public void Start(int slot, long dueMs)
    {
        if (slot >= _entries.Length)
        {
            Grow(slot);
        }

        ref var entry = ref _entries[slot];
        Debug.Assert(!entry.IsRunning, "a slot has one timer");
        var bucket = (int)(Math.Max(dueMs >> TickBits, _tick) & (Buckets - 1));
        ref var head = ref _heads[bucket];
        entry = new Entry { DueMs = dueMs, Next = head, Previous = None, Bucket = bucket, IsRunning = true };
        if (head != None)
        {
            _entries[head].Previous = slot;
        }

        head = slot;
        Count++;
    }

    /// <summary>Ends a slot's timer, if it runs.</summary>
    public void Cancel(int slot)
    {
        if (slot < _entries.Length && _entries[slot].IsRunning)
        {
            Unlink(slot);
        }
    }

    /// <summary>
    /// Ends timers whose time is over: none before its time, and all of them once an advance comes after it. Fills <paramref name="due"/> with their slots; as many as it holds
    /// means that more may be due now, and the caller advances again.
    /// </summary>
    /// <returns>How many.</returns>
    public int Advance(long nowMs, Span<int> due)
    {
        var count = 0;
        var last = nowMs >> TickBits;

        // After a long pause each bucket is looked at once, not once for each turn that passed.
        _tick = Math.Max(_tick, last - Buckets + 1);
        while (true)
        {
            count += Take(_heads[_tick & (Buckets - 1)], nowMs, due[count..]);

            // The tick that is passing is looked at again: it has timers to come.
            if (count == due.Length || _tick >= last)
            {
                return count;
            }

            _tick++;
        }
    }

    private int Take(int slot, long nowMs, Span<int> due)
    {
        var count = 0;
        while (slot != None && count < due.Length)
        {
            var next = _entries[slot].Next;
            if (_entries[slot].DueMs <= nowMs)
            {
                Unlink(slot);
                due[count++] = slot;
            }

            slot = next;
        }

        return count;
    }

    private void Unlink(int slot)
    {
        ref var entry = ref _entries[slot];
        if (entry.Next != None)
        {
            _entries[entry.Next].Previous = entry.Previous;
        }

        if (entry.Previous == None)
        {
            _heads[entry.Bucket] = entry.Next;
        }
        else
        {
            _entries[entry.Previous].Next = entry.Next;
        }

        entry.IsRunning = false;
        Count--;
    }

    private void Grow(int slot)
    {
        const int FirstEntries = 64;
        Array.Resize(ref _entries, Math.Max(Math.Max(FirstEntries, _entries.Length * 2), slot + 1));
    }

    private struct Entry
    {
        public long DueMs;
        public int Next;
        public int Previous;
        public int Bucket;
        public bool IsRunning;
    }
}
