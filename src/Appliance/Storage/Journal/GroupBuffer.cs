using System.Buffers;

namespace Jesus.Appliance.Storage.Journal;

/// <summary>The records that wait for the next fsync, already in their place on disk, and who waits for them. Guarded by the journal's lock until taken.</summary>
internal sealed class GroupBuffer : IDisposable
{
    /// <summary>Kept between groups: what a quiet box needs. A burst's larger array goes back to the pool afterwards.</summary>
    private const int KeptBytes = 128 * 1024;

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(KeptBytes);
    private AppendWaiter? _firstWaiter;
    private AppendWaiter? _lastWaiter;

    /// <summary>Bytes used, the group header's room included.</summary>
    public int Length { get; private set; } = GroupHeader.Bytes;
    public int Count { get; private set; }
    public bool HasWaiters => _firstWaiter is not null;
    public Span<byte> Bytes => _bytes.AsSpan(0, Length);

    public void Add(long position, JournalKind kind, long utcTicks, ReadOnlySpan<byte> payload)
    {
        var needed = Length + RecordFrame.HeaderBytes + payload.Length;
        if (needed > _bytes.Length)
        {
            Grow(needed);
        }

        RecordFrame.Write(_bytes.AsSpan(Length), position, kind, utcTicks, payload);
        Length = needed;
        Count++;
    }

    public void Add(AppendWaiter waiter)
    {
        if (_lastWaiter is null)
        {
            _firstWaiter = waiter;
        }
        else
        {
            _lastWaiter.Next = waiter;
        }

        _lastWaiter = waiter;
    }

    /// <summary>Wakes everyone who waits: with their position, or with the failure.</summary>
    public void Complete(JournalFailedException? failure)
    {
        for (var waiter = _firstWaiter; waiter is not null;)
        {
            var next = waiter.Next; // the waiter goes back to its pool as soon as it is complete
            waiter.Next = null;
            waiter.Complete(failure);
            waiter = next;
        }

        (_firstWaiter, _lastWaiter) = (null, null);
    }

    public void Reset()
    {
        Length = GroupHeader.Bytes;
        Count = 0;
        if (_bytes.Length > KeptBytes * 2)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = ArrayPool<byte>.Shared.Rent(KeptBytes);
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
    }

    private void Grow(int needed)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, _bytes.Length * 2));
        Bytes.CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
