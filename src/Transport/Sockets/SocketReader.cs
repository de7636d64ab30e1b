using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace Jesus.Transport.Sockets;

/// <summary>
/// The bytes of a socket, received straight into one contiguous buffer. One read at a time; <see cref="CancelPendingRead"/> and closing may come from any thread.
/// Allocates nothing in steady state.
/// </summary>
internal sealed class SocketReader(SafeSocketHandle handle, LoopSocketOptions options) : PipeReader, IValueTaskSource<ReadResult>
{
    /// <summary>Less room than this makes a call to the kernel too small.</summary>
    private const int RoomMin = 1_024;

    /// <summary>A body is received in pieces of up to this.</summary>
    private const int FilledBufferMax = 64 * 1_024;

    /// <summary>Pieces that one socket receives in a turn of a loop; then the others have theirs.</summary>
    private const int PiecesPerTurn = 16;

    private const int ClosedByUs = -1;

    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<ReadResult> _core;
    private CancellationTokenRegistration _cancel;
    private byte[]? _buffer;
    private int _start;
    private int _examined;
    private int _end;
    private int _error;
    private int _turn;
    private int _pieces;
    private bool _isReadable;
    private bool _peerEnded;
    private bool _isOver;
    private bool _isCanceled;
    private bool _isWaiting;
    private bool _wasFilled;

    /// <summary>Whoever reads goes on on the thread pool.</summary>
    public bool AvoidsLoop { get; set; }

    /// <summary>Bytes are there that nobody has read, or the end. Asked between reads; an event under way counts as one not come yet.</summary>
    public bool HasNews
    {
        get
        {
            lock (_gate)
            {
                Receive();
                return _isOver || _end > _start;
            }
        }
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        }

        ValueTask<ReadResult> pending;
        lock (_gate)
        {
            if (TryTake(out var result))
            {
                return new ValueTask<ReadResult>(result);
            }

            var loop = EventLoop.Current;
            if (MayReceive(loop))
            {
                Receive();
                if (TryTake(out result))
                {
                    return new ValueTask<ReadResult>(result);
                }
            }

            ShrinkIdle();
            _core.Reset();
            _core.RunContinuationsAsynchronously = AvoidsLoop || (loop is null && !options.ResumesOnLoop);
            _isWaiting = true;
            pending = new ValueTask<ReadResult>(this, _core.Version);
        }

        if (cancellationToken.CanBeCanceled)
        {
            // Read back where the result is, which disposes it: so it cannot meet the next read.
            _cancel = cancellationToken.UnsafeRegister(static (self, token) => ((SocketReader)self!).OnCancelled(token), this);
        }

        return pending;
    }

    public override bool TryRead(out ReadResult result)
    {
        lock (_gate)
        {
            return TryTake(out result);
        }
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        lock (_gate)
        {
            _start = IndexOf(consumed);
            _examined = Math.Max(_start, IndexOf(examined));
        }
    }

    public override void CancelPendingRead()
    {
        lock (_gate)
        {
            _isCanceled = true;
        }

        Wake(onPool: true);
    }

    public override void Complete(Exception? exception = null)
    {
        lock (_gate)
        {
            _isOver = true;
            DropBuffer();
        }
    }

    /// <summary>Bytes or the end may be received. On a loop's thread.</summary>
    public void OnReadable(bool ended)
    {
        lock (_gate)
        {
            _isReadable = true;
            _peerEnded |= ended;
            if (!_isWaiting)
            {
                return;
            }

            Receive();
        }

        Wake(onPool: false);
    }

    /// <summary>The socket is being closed by us.</summary>
    public void OnClosed()
    {
        lock (_gate)
        {
            _error = _isOver ? _error : options.ResetIsEnd ? 0 : ClosedByUs;
            _isOver = true;
        }

        Wake(onPool: true);
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        _cancel.Dispose();
        _cancel = default;
        return _core.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void OnCancelled(CancellationToken token)
    {
        lock (_gate)
        {
            if (!_isWaiting)
            {
                return;
            }

            _isWaiting = false;
            _core.RunContinuationsAsynchronously = true;
        }

        _core.SetException(new OperationCanceledException(token));
    }

    /// <summary>Completes the read that waits, if there is something for it.</summary>
    private void Wake(bool onPool)
    {
        ReadResult result = default;
        IOException? broken = null;
        lock (_gate)
        {
            if (!_isWaiting)
            {
                return;
            }

            try
            {
                if (!TryTake(out result))
                {
                    return;
                }
            }
            catch (IOException error)
            {
                broken = error;
            }

            _isWaiting = false;
            _core.RunContinuationsAsynchronously |= onPool;
        }

        if (broken is null)
        {
            _core.SetResult(result);
        }
        else
        {
            _core.SetException(broken);
        }
    }

    /// <exception cref="IOException">The connection is broken and all of it was read.</exception>
    private bool TryTake(out ReadResult result)
    {
        var ready = _isCanceled || _end > _examined || _isOver;
        if (!ready)
        {
            result = default;
            return false;
        }

        if (_error != 0 && !_isCanceled && _end == _examined)
        {
            throw new IOException(_error == ClosedByUs ? "the connection was closed" : Kernel.Describe(_error));
        }

        var bytes = _buffer is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(_buffer, _start, _end - _start);
        result = new ReadResult(bytes, _isCanceled, _isOver && _error == 0);
        _isCanceled = false;
        return true;
    }

    /// <summary>After its share of a turn the socket waits for the next.</summary>
    private bool MayReceive(EventLoop? loop)
    {
        if (loop is null || !_isReadable)
        {
            return true;
        }

        if (_turn != loop.Turn)
        {
            (_turn, _pieces) = (loop.Turn, 0);
        }

        if (++_pieces <= PiecesPerTurn)
        {
            return true;
        }

        loop.ReadLater(this);
        return false;
    }

    private void Receive()
    {
        if (!_isReadable || _isOver)
        {
            return;
        }

        EnsureRoom();
        var room = _buffer.AsSpan(_end);
        var count = Kernel.Receive(handle, room);
        if (count > 0)
        {
            _end += count;
            _wasFilled = count == room.Length;

            // Less than asked for: there is no more, and more will be told. The end is told only once.
            _isReadable = _wasFilled || _peerEnded;
            return;
        }

        _isReadable = false;
        if (count == -Kernel.Again)
        {
            return;
        }

        _isOver = true;
        _error = count == 0 || options.ResetIsEnd ? 0 : -count;
    }

    private void EnsureRoom()
    {
        if (_buffer is null)
        {
            _buffer = ArrayPool<byte>.Shared.Rent(options.BufferBytes);
            (_start, _examined, _end) = (0, 0, 0);
            return;
        }

        var held = _end - _start;
        if (held == 0)
        {
            (_start, _examined, _end) = (0, 0, 0);
        }

        var wanted = _wasFilled && held == 0 ? Math.Min(FilledBufferMax, _buffer.Length * 2) : _buffer.Length;
        if (wanted <= _buffer.Length && _buffer.Length - _end >= RoomMin)
        {
            return;
        }

        if (wanted <= _buffer.Length && held <= _buffer.Length / 2)
        {
            _buffer.AsSpan(_start, held).CopyTo(_buffer);
        }
        else
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(wanted, held * 2));
            _buffer.AsSpan(_start, held).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        (_start, _examined, _end) = (0, _examined - _start, held);
    }

    /// <summary>What a long body needed is not kept for the next short head.</summary>
    private void ShrinkIdle()
    {
        if (_buffer is not null && _start == _end && _buffer.Length > options.BufferBytes * 2)
        {
            DropBuffer();
        }
    }

    private void DropBuffer()
    {
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
            (_start, _examined, _end) = (0, 0, 0);
        }
    }

    private int IndexOf(SequencePosition position) =>
        _buffer is not null && ReferenceEquals(position.GetObject(), _buffer) ? position.GetInteger() & int.MaxValue : _start;
}
