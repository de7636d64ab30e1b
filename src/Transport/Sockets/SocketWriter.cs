using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace Jesus.Transport.Sockets;

/// <summary>
/// Bytes to a socket. On a loop's thread a flush leaves them for the end of the turn, where all of the turn go in one call; elsewhere it sends at once. What the kernel does
/// not take waits in the buffer, up to a bound after which a flush waits. One writer at a time; the loop sends beside it. Allocates nothing in steady state.
/// </summary>
internal sealed class SocketWriter(SafeSocketHandle handle) : PipeWriter, IValueTaskSource<FlushResult>
{
    private const int BufferBytes = 4 * 1_024;

    /// <summary>Held back within a turn; more than this goes at once.</summary>
    private const int HeldMax = 32 * 1_024;

    /// <summary>A flush waits while more than this is unsent: what the framework's own transport allows.</summary>
    private const int UnsentMax = 64 * 1_024;

    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<FlushResult> _core;
    private CancellationTokenRegistration _cancel;
    private TaskCompletionSource? _drained;
    private byte[]? _buffer;
    private int _sent;
    private int _flushed;
    private int _end;
    private bool _isBlocked;
    private bool _isBroken;
    private bool _isQueued;
    private bool _isWaiting;
    private bool _isCanceled;
    private bool _isComplete;

    public override bool CanGetUnflushedBytes => true;
    public override long UnflushedBytes => _end - _flushed;

    /// <summary>Flushed, and not yet taken by the kernel.</summary>
    public int UnsentBytes
    {
        get
        {
            lock (_gate)
            {
                return _flushed - _sent;
            }
        }
    }

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _buffer.AsMemory(_end);
    }

    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _buffer.AsSpan(_end);
    }

    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)((_buffer?.Length ?? 0) - _end), nameof(bytes));
        _end += bytes;
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<FlushResult> pending;
        lock (_gate)
        {
            _flushed = _end;
            Push();
            if (_isBroken || _isCanceled || _flushed - _sent <= UnsentMax)
            {
                return new ValueTask<FlushResult>(TakeResult());
            }

            _core.Reset();
            _core.RunContinuationsAsynchronously = true;
            _isWaiting = true;
            pending = new ValueTask<FlushResult>(this, _core.Version);
        }

        if (cancellationToken.CanBeCanceled)
        {
            _cancel = cancellationToken.UnsafeRegister(static self => ((SocketWriter)self!).CancelPendingFlush(), this);
        }

        return pending;
    }

    public override void CancelPendingFlush()
    {
        lock (_gate)
        {
            _isCanceled = true;
        }

        Wake();
    }

    /// <summary>Nothing more will be written; what was is still sent.</summary>
    public override void Complete(Exception? exception = null)
    {
        lock (_gate)
        {
            _flushed = _end;
            _isComplete = true;
            Push();
        }

        Wake();
    }

    /// <summary>Waits until the kernel has taken everything, or the connection broke, or the time is over.</summary>
    public async ValueTask DrainAsync(TimeSpan longest)
    {
        Task drained;
        lock (_gate)
        {
            _flushed = _end;
            if (!_isBlocked)
            {
                Send();
            }

            if (_isBroken || _sent == _flushed)
            {
                return;
            }

            _drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            drained = _drained.Task;
        }

        await Task.WhenAny(drained, Task.Delay(longest)).ConfigureAwait(false);
    }

    /// <summary>The turn in which it was flushed ends.</summary>
    public void SendQueued()
    {
        lock (_gate)
        {
            _isQueued = false;
            if (!_isBlocked)
            {
                Send();
            }

            if (!_isWaiting && _drained is null && !_isComplete)
            {
                return;
            }
        }

        Wake();
    }

    /// <summary>The kernel has room again.</summary>
    public void OnWritable()
    {
        lock (_gate)
        {
            if (!_isBlocked)
            {
                return;
            }

            _isBlocked = false;
            Send();
        }

        Wake();
    }

    /// <summary>The socket is being closed by us.</summary>
    public void OnClosed()
    {
        lock (_gate)
        {
            Break();
        }

        Wake();
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token)
    {
        _cancel.Dispose();
        _cancel = default;
        return _core.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private FlushResult TakeResult()
    {
        var result = new FlushResult(_isCanceled, _isBroken);
        _isCanceled = false;
        return result;
    }

    private void Wake()
    {
        FlushResult result;
        lock (_gate)
        {
            if (_drained is not null && (_isBroken || _sent == _flushed))
            {
                _drained.TrySetResult();
            }

            if (_isComplete && _sent == _end && _buffer is not null)
            {
                ArrayPool<byte>.Shared.Return(_buffer);
                _buffer = null;
                (_sent, _flushed, _end) = (0, 0, 0);
            }

            if (!_isWaiting || !(_isBroken || _isCanceled || _flushed - _sent <= UnsentMax / 2))
            {
                return;
            }

            _isWaiting = false;
            result = TakeResult();
        }

        _core.SetResult(result);
    }

    private void Push()
    {
        if (_isBlocked || _sent == _flushed)
        {
            return;
        }

        if (EventLoop.Current is { } loop && _flushed - _sent <= HeldMax)
        {
            if (!_isQueued)
            {
                _isQueued = true;
                loop.SendLater(this);
            }

            return;
        }

        Send();
    }

    private void Send()
    {
        if (_isBroken)
        {
            // Nobody will send it.
            _sent = _flushed;
            return;
        }

        while (_sent < _flushed)
        {
            var count = Kernel.Send(handle, _buffer.AsSpan(_sent, _flushed - _sent));
            if (count == -Kernel.Again)
            {
                _isBlocked = true;
                return;
            }

            if (count < 0)
            {
                Break();
                return;
            }

            _sent += count;
        }
    }

    /// <summary>Nothing that is written from here on goes anywhere; the reader learns why.</summary>
    private void Break()
    {
        _isBroken = true;
        _sent = _flushed;
    }

    /// <summary>Only the writer moves or frees the buffer: whoever sends beside it never does.</summary>
    private void Reserve(int sizeHint)
    {
        var wanted = Math.Max(sizeHint, 1);
        if (_buffer is not null && _buffer.Length - _end >= wanted && _sent != _end)
        {
            return;
        }

        lock (_gate)
        {
            if (_sent == _end)
            {
                // All of it left: begin anew, in a small buffer.
                (_sent, _flushed, _end) = (0, 0, 0);
                if (_buffer?.Length > UnsentMax)
                {
                    ArrayPool<byte>.Shared.Return(_buffer);
                    _buffer = null;
                }
            }

            Grow(wanted);
        }
    }

    private void Grow(int wanted)
    {
        var held = _end - _sent;
        if (_buffer is null)
        {
            _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(BufferBytes, wanted));
        }
        else if (_buffer.Length - _end >= wanted)
        {
            return;
        }
        else if (_buffer.Length - held >= wanted && held <= _buffer.Length / 2)
        {
            _buffer.AsSpan(_sent, held).CopyTo(_buffer);
        }
        else
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(held + wanted, _buffer.Length * 2));
            _buffer.AsSpan(_sent, held).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        (_sent, _flushed, _end) = (0, _flushed - _sent, held);
    }
}
