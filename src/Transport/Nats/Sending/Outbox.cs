using System.Diagnostics;
using System.Runtime.CompilerServices;
using Jesus.Transport.Nats.Connecting;
using Jesus.Transport.Nats.Protocol;

namespace Jesus.Transport.Nats.Sending;

/// <summary>
/// Frames on their way out. Any thread appends a whole frame to one buffer under a short lock; whoever finds nobody writing writes, others go on appending to the
/// second buffer meanwhile. So a lone frame leaves at once on its publisher's own thread, and under load a batch leaves with each system call. The buffer that was
/// being written when a connection broke is given up whole: what the next connection gets begins at the beginning of a frame.
/// </summary>
internal sealed class Outbox : IThreadPoolWorkItem
{
    private const int FirstBytes = 64 * 1024;

    /// <summary>
    /// A publisher writes itself when the last write ended longer ago than this; else a stream of messages is under way and a thread of the pool writes, which starts
    /// late enough to find a batch.
    /// </summary>
    private static readonly long LoneGap = Stopwatch.Frequency / 100_000;

    /// <summary>
    /// What the reader's thread publishes waits for the end of its batch, up to so much: what a server reads at once. A quarter of it costs the server and us a system call more
    /// for each, and at 256 requests under way a fifth more processor time for no more answers.
    /// </summary>
    private const int HeldBytesMax = 64 * 1024;

    private readonly Lock _gate = new();
    private readonly int _bytesMax;
    private readonly int _waitersMax;
    private readonly Queue<PublishWaiter> _waiting = new();
    private readonly Action _onWritten;

    private byte[] _filling = new byte[FirstBytes];
    private byte[] _flying = new byte[FirstBytes];
    private int _length;
    private int _publishes;
    private int _flyingPublishes;
    private int _largestBatch;
    private ReadOnlyMemory<byte> _first;
    private Stream? _stream;
    private Action<Exception>? _onBroken;
    private bool _isWriting;
    private bool _isClosed;
    private TaskCompletionSource? _idle;
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _write;
    private long _writtenAt;
    private long _messagesOut;
    private long _bytesOut;
    private long _lost;
    private int _waiters;

    public Outbox(int bytesMax, int waitersMax)
    {
        _bytesMax = bytesMax;
        _waitersMax = waitersMax;
        _onWritten = OnWritten;
    }

    /// <summary>The reader's batch, whose thread's publishes leave when it is through.</summary>
    public WakeBatch? Held { get; set; }

    public long MessagesOut => Volatile.Read(ref _messagesOut);
    public long BytesOut => Volatile.Read(ref _bytesOut);
    public long Lost => Volatile.Read(ref _lost);
    public int PendingBytes => Volatile.Read(ref _length);
    public bool HasWaiters => Volatile.Read(ref _waiters) > 0;

    /// <summary>Appends a message's frame. <see cref="NatsResult.BufferFull"/>: no room now, though connected.</summary>
    public NatsResult Publish(ReadOnlySpan<byte> frameStart, ReadOnlySpan<byte> reply, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> payload, bool onlyConnected)
    {
        var bound = FrameWriter.PublishBound(frameStart.Length, reply.Length, headers.Length, payload.Length);
        bool isHeld;
        lock (_gate)
        {
            if (_isClosed || (_stream is null && onlyConnected))
            {
                return _isClosed ? NatsResult.Closed : NatsResult.Disconnected;
            }

            if (_waiting.Count > 0 || !HasRoom(bound))
            {
                return _stream is null ? NatsResult.Disconnected : NatsResult.BufferFull;
            }

            _length += FrameWriter.Publish(_filling.AsSpan(_length), frameStart, reply, headers, payload);
            _publishes++;
            if (_isWriting || _stream is null)
            {
                return NatsResult.Ok;
            }

            isHeld = Held?.HoldsThread == true;
            if (isHeld && _length < HeldBytesMax)
            {
                return NatsResult.Ok;
            }

            _isWriting = true;
        }

        BeginWrite(isHeld);
        return NatsResult.Ok;
    }

    /// <summary>The reader's batch has run: what it published goes out together.</summary>
    public void Release()
    {
        lock (_gate)
        {
            if (_isWriting || _stream is null || _length == 0)
            {
                return;
            }

            _isWriting = true;
        }

        Write(once: true);
    }

    /// <summary>Joins those who wait for room.</summary>
    /// <returns>False: too many wait.</returns>
    public bool Join(PublishWaiter waiter)
    {
        lock (_gate)
        {
            if (_waiting.Count >= _waitersMax)
            {
                Prune();
            }

            if (_isClosed || _stream is null || _waiting.Count >= _waitersMax)
            {
                waiter.TryEnd(_isClosed ? NatsResult.Closed : _stream is null ? NatsResult.Disconnected : NatsResult.BufferFull);
                return false;
            }

            _waiting.Enqueue(waiter);
            _waiters = _waiting.Count;
            if (_isWriting)
            {
                return true;
            }

            _isWriting = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return true;
    }

    /// <summary>Appends SUB, UNSUB, PING or PONG. They are few and short: the limit is not asked.</summary>
    /// <returns>False: not connected, and nothing was appended.</returns>
    public bool Control(ReadOnlySpan<byte> frame)
    {
        lock (_gate)
        {
            if (_stream is null)
            {
                return false;
            }

            if (_filling.Length - _length < frame.Length)
            {
                Array.Resize(ref _filling, _filling.Length * 2);
            }

            frame.CopyTo(_filling.AsSpan(_length));
            _length += frame.Length;
            if (_isWriting)
            {
                return true;
            }

            _isWriting = true;
        }

        BeginWrite();
        return true;
    }

    /// <summary>A connection stands: first <paramref name="first"/> goes out (the subscriptions), then what has waited.</summary>
    public void Attach(Stream stream, ReadOnlyMemory<byte> first, Action<Exception> onBroken)
    {
        lock (_gate)
        {
            _stream = stream;
            _first = first;
            _onBroken = onBroken;
            _isWriting = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>The connection is gone. Ends when nobody writes to it any more.</summary>
    /// <param name="inbox">Beginning of our requests' reply subjects: see <see cref="PendingFrames"/>.</param>
    public async Task DetachAsync(ReadOnlyMemory<byte> inbox)
    {
        Task idle;
        lock (_gate)
        {
            _stream = null;
            _first = default;
            _idle = _isWriting ? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously) : null;
            idle = _idle?.Task ?? Task.CompletedTask;
        }

        await idle.ConfigureAwait(false);
        lock (_gate)
        {
            _lost += _flyingPublishes;
            _flyingPublishes = 0;
            (_length, _publishes) = PendingFrames.KeepPublishes(_filling.AsSpan(0, _length), inbox.Span);
            EndWaiters(NatsResult.Disconnected);
        }
    }

    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            EndWaiters(NatsResult.Closed);
        }
    }

    /// <summary>Ends the waits that are over.</summary>
    public void Expire(long nowMs)
    {
        lock (_gate)
        {
            foreach (var waiter in _waiting)
            {
                if (nowMs >= waiter.DueMs)
                {
                    waiter.End(NatsResult.TimedOut);
                }
            }

            Prune();
        }
    }

    /// <summary>Once in a while: gives back what a burst made the buffers grow to.</summary>
    public void Trim()
    {
        lock (_gate)
        {
            if (!_isWriting && _length == 0 && _largestBatch < _filling.Length / 4 && _filling.Length > FirstBytes)
            {
                _filling = new byte[FirstBytes];
                _flying = new byte[FirstBytes];
            }

            _largestBatch = 0;
        }
    }

    void IThreadPoolWorkItem.Execute() => Write(once: false);

    private void BeginWrite(bool here = false)
    {
        if (here || Stopwatch.GetTimestamp() - _writtenAt > LoneGap)
        {
            Write(once: true);
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>By the one who set <see cref="_isWriting"/>: writes until nothing is left.</summary>
    /// <param name="once">A publisher's own thread: it writes one batch, and leaves what came meanwhile to the pool.</param>
    private void Write(bool once)
    {
        while (TryTakeBatch(out var stream, out var batch))
        {
            try
            {
#pragma warning disable CA2012 // Consumed once, here or by OnWritten: an asynchronous method would hold its caller's thread or allocate.
                _write = stream.WriteAsync(batch).ConfigureAwait(false).GetAwaiter();
#pragma warning restore CA2012
                if (!_write.IsCompleted)
                {
                    _write.UnsafeOnCompleted(_onWritten);
                    return;
                }

                _write.GetResult();
            }
            catch (Exception broken)
            {
                Broken(broken);
                return;
            }

            _writtenAt = Stopwatch.GetTimestamp();
            if (once)
            {
                HandOver();
                return;
            }
        }
    }

    private void OnWritten()
    {
        try
        {
            _write.GetResult();
        }
        catch (Exception broken)
        {
            Broken(broken);
            return;
        }

        _writtenAt = Stopwatch.GetTimestamp();
        Write(once: false);
    }

    private void HandOver()
    {
        lock (_gate)
        {
            if (_length == 0 && _waiting.Count == 0 && _stream is not null)
            {
                _flyingPublishes = 0;
                Idle();
                return;
            }
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private bool TryTakeBatch(out Stream stream, out ReadOnlyMemory<byte> batch)
    {
        lock (_gate)
        {
            // Whoever comes here has written what was flying.
            _flyingPublishes = 0;
            stream = _stream!;
            batch = _first;
            if (_stream is null || (batch.IsEmpty && _length == 0 && _waiting.Count == 0))
            {
                Idle();
                return false;
            }

            if (!batch.IsEmpty)
            {
                _first = default;
                return true;
            }

            if (_length == 0)
            {
                AdmitWaiters();
            }

            batch = Swap();
            AdmitWaiters();
            return true;
        }
    }

    private ReadOnlyMemory<byte> Swap()
    {
        (_filling, _flying) = (_flying, _filling);
        var batch = _flying.AsMemory(0, _length);
        _largestBatch = Math.Max(_largestBatch, _length);
        _messagesOut += _publishes;
        _bytesOut += _length;
        _flyingPublishes = _publishes;
        (_length, _publishes) = (0, 0);
        return batch;
    }

    private void AdmitWaiters()
    {
        while (_waiting.TryPeek(out var waiter))
        {
            var bound = FrameWriter.PublishBound(waiter.FrameStart.Length, waiter.Reply.Length, waiter.Headers.Length, waiter.Payload.Length);
            if (!waiter.HasEnded && !HasRoom(bound))
            {
                break;
            }

            _waiting.Dequeue();

            // Cancelled meanwhile: its owner may have taken the memory back.
            if (waiter.TryEnd(NatsResult.Ok))
            {
                _length += FrameWriter.Publish(_filling.AsSpan(_length), waiter.FrameStart.Span, waiter.Reply.Span, waiter.Headers.Span, waiter.Payload.Span);
                _publishes++;
                waiter.Queue();
            }
        }

        _waiters = _waiting.Count;
    }

    private void EndWaiters(NatsResult result)
    {
        while (_waiting.TryDequeue(out var waiter))
        {
            waiter.End(result);
        }

        _waiters = 0;
    }

    private void Broken(Exception broken)
    {
        Action<Exception>? tell;
        lock (_gate)
        {
            tell = _onBroken;
            _stream = null;
            Idle();
        }

        tell?.Invoke(broken);
    }

    private void Idle()
    {
        _isWriting = false;
        _idle?.TrySetResult();
        _idle = null;
    }

    // One frame always fits into an empty buffer: max_payload bounds it.
    private bool HasRoom(int bound)
    {
        var needed = _length + (long)bound;
        if (needed > _bytesMax && _length > 0)
        {
            return false;
        }

        if (needed > _filling.Length)
        {
            Array.Resize(ref _filling, (int)Math.Max(needed, Math.Min(_filling.Length * 2L, Math.Max(_bytesMax, needed))));
        }

        return true;
    }

    // Who gave up still stands in the queue.
    private void Prune()
    {
        for (var left = _waiting.Count; left > 0; left--)
        {
            var waiter = _waiting.Dequeue();
            if (!waiter.HasEnded)
            {
                _waiting.Enqueue(waiter);
            }
        }

        _waiters = _waiting.Count;
    }
}
