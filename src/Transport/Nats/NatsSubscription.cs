using Jesus.Transport.Nats.Connecting;
using Jesus.Transport.Nats.Memory;
using Jesus.Transport.Nats.Protocol;
using Jesus.Transport.Nats.Subscribing;

namespace Jesus.Transport.Nats;

/// <summary>
/// Messages of one subject as they arrive. One reader at a time: <c>while (await s.WaitToReadAsync(cancel)) while (s.TryRead(out var m)) using (m) ...</c>. A reader that
/// is slow loses messages beyond its limits, which are counted, and holds up nobody else.
/// </summary>
public sealed class NatsSubscription : IAsyncDisposable
{
    private readonly SubscriptionTable _table;
    private readonly MessageQueue _queue = new();
    private readonly SubscriptionWaiter _waiter;
    private readonly long _messagesMax;
    private readonly long _bytesMax;
    private MessageArena _arena;
    private long _dropped;
    private long _delivered;
    private long _counted;
    private bool _isSlow;
    private bool _isGone;
    private int _ended;

    internal NatsSubscription(SubscriptionTable table, NatsSubject subject, byte[] queueGroup, NatsSubscriptionOptions options)
    {
        _table = table;
        Subject = subject;
        QueueGroup = queueGroup;
        Options = options;
        _messagesMax = options.PendingMessagesMax;
        _bytesMax = options.PendingBytesMax;
        _waiter = new SubscriptionWaiter(this);
    }

    public NatsSubject Subject { get; }

    /// <summary>Messages lost because the reader was too slow; only grows.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Messages that arrived and were kept.</summary>
    public long Delivered => Volatile.Read(ref _delivered);

    /// <summary>Messages that wait to be read.</summary>
    public long Pending => _queue.Count;

    /// <summary>No more will arrive; what is pending can still be read.</summary>
    public bool HasEnded => Volatile.Read(ref _ended) != 0;

    /// <summary>Why it ended before it began; only of <see cref="NatsConnection.RequestMany"/>, else <see cref="NatsResult.Ok"/>.</summary>
    public NatsResult Failure { get; internal set; }

    internal NatsSubscriptionOptions Options { get; }
    internal byte[] QueueGroup { get; }
    internal long Sid { get; set; }

    /// <summary>Of the list of those that got something in this batch; the connection's reader's.</summary>
    internal NatsSubscription? NextTouched { get; set; }
    internal bool IsTouched { get; set; }

    /// <summary>Something to say to a reader that waits: a message, or that none will come.</summary>
    internal bool HasNews => !_queue.IsEmpty || HasEnded;
    internal bool IsEmpty => _queue.IsEmpty;

    /// <summary>Everything was read, and whoever read it is through with it.</summary>
    internal bool IsDrained => _queue.IsEmpty && (Volatile.Read(ref _isGone) || _arena.IsLastDisposed);

    public bool TryRead(out NatsMessage message)
    {
        if (Volatile.Read(ref _isGone))
        {
            Discard();
            message = default;
            return false;
        }

        return _queue.TryTake(out message);
    }

    /// <summary>True: there is something to read. False: there is not and will not be.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ValueTask<bool> WaitToReadAsync(CancellationToken cancel = default)
    {
        if (!_queue.IsEmpty)
        {
            return new ValueTask<bool>(true);
        }

        // Looked at again after the end was seen: the last message was put before it.
        return HasEnded ? new ValueTask<bool>(!_queue.IsEmpty) : _waiter.WaitAsync(cancel);
    }

    /// <summary>No more will arrive; what is pending can still be read.</summary>
    public ValueTask UnsubscribeAsync()
    {
        _table.Remove(this, tellServer: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>As <see cref="UnsubscribeAsync"/>, but what the server has sent already still arrives.</summary>
    public ValueTask DrainAsync(CancellationToken cancel = default) => _table.DrainAsync(this, cancel);

    /// <summary>Unsubscribes, and drops what was not read.</summary>
    public ValueTask DisposeAsync()
    {
        Volatile.Write(ref _isGone, true);
        return UnsubscribeAsync();
    }

    /// <summary>A message arrived. On the connection's reader only.</summary>
    /// <param name="block">Its frame.</param>
    /// <returns>False: dropped.</returns>
    internal bool Deliver(ReadOnlySpan<byte> block, in NatsFrame frame)
    {
        if (!HasRoom(frame))
        {
            return false;
        }

        Put(_arena.Take(block, frame));
        return true;
    }

    /// <summary>The same of a message that was received into a chunk of its own.</summary>
    internal void DeliverSingle(NatsChunk chunk, in NatsFrame frame) => Put(_arena.TakeSingle(chunk, frame));

    /// <summary>Asked before a message is taken in; where there is no room, it is counted as dropped.</summary>
    internal bool HasRoom(in NatsFrame frame)
    {
        if (HasEnded)
        {
            return false;
        }

        var (messages, bytes) = (_queue.Count, _queue.Bytes);
        if (messages < _messagesMax && bytes + frame.Length <= _bytesMax)
        {
            // Half is free again: the next overflow is another episode.
            _isSlow &= messages > _messagesMax / 2 || bytes > _bytesMax / 2;
            return true;
        }

        Volatile.Write(ref _dropped, _dropped + 1);
        _table.CountDrop();
        Count();
        if (!_isSlow)
        {
            _isSlow = true;
            _table.ReportSlow(this);
        }

        return false;
    }

    /// <summary>At the end of a batch: whoever waits is to be woken.</summary>
    internal void Wake(WakeBatch wakes)
    {
        if (HasNews && _waiter.TrySignal())
        {
            wakes.Add(_waiter);
        }
    }

    /// <summary>Nothing more will come.</summary>
    internal void End()
    {
        Volatile.Write(ref _ended, 1);
        if (_waiter.TrySignal())
        {
            _waiter.Queue();
        }
    }

    /// <summary>Messages that the server still owes after it reconnects; 0 without such a limit.</summary>
    internal int Remaining => Options.MessagesMax == 0 ? 0 : (int)Math.Max(1, Options.MessagesMax - _counted);

    private void Put(in NatsMessage message)
    {
        Volatile.Write(ref _delivered, _delivered + 1);
        _queue.Put(message);
        Count();
    }

    // The server counts what it sends, dropped here or not.
    private void Count()
    {
        _counted++;
        if (Options.MessagesMax > 0 && _counted >= Options.MessagesMax)
        {
            _table.Remove(this, tellServer: false);
        }
    }

    private void Discard()
    {
        while (_queue.TryTake(out var message))
        {
            message.Dispose();
        }
    }
}
