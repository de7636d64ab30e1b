using System.Net.Sockets;

namespace Jesus.Transport.Http;

/// <summary>
/// A socket as a stream for a protocol with a thread of its own that reads: <see cref="Read(Span{byte})"/> waits in the kernel, so that bytes wake the very thread that wants
/// them, where an asynchronous read wakes the framework's poller and that wakes a thread of the pool. Writes and the rest are asynchronous as usual.
/// </summary>
internal sealed class SocketStream : Stream
{
    private readonly Socket _socket;

    public SocketStream(Socket socket)
    {
        _socket = socket;
        socket.Blocking = false;
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="IOException">The connection is broken or was closed, by us or by the peer.</exception>
    public override int Read(Span<byte> buffer)
    {
        try
        {
            while (true)
            {
                var count = _socket.Receive(buffer, SocketFlags.None, out var error);
                if (error == SocketError.Success)
                {
                    return count;
                }

                if (error != SocketError.WouldBlock)
                {
                    throw new IOException(new SocketException((int)error).Message);
                }

                _socket.Poll(-1, SelectMode.SelectRead);
            }
        }
        catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
        {
            throw new IOException(closed.Message, closed);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => _socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    // One send takes all, or ends when all is taken: the framework goes on by itself where the kernel takes a part.
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var sending = _socket.SendAsync(buffer, SocketFlags.None, cancellationToken);
        if (!sending.IsCompletedSuccessfully)
        {
            return FinishAsync(sending, buffer, cancellationToken);
        }

        var sent = sending.Result;
        return sent == buffer.Length ? ValueTask.CompletedTask : FinishAsync(new ValueTask<int>(sent), buffer, cancellationToken);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("this stream is written asynchronously");

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _socket.Dispose();
        }

        base.Dispose(disposing);
    }

    [System.Runtime.CompilerServices.AsyncMethodBuilder(typeof(Pooling.PooledValueTaskBuilder))]
    private async ValueTask FinishAsync(ValueTask<int> sending, ReadOnlyMemory<byte> buffer, CancellationToken cancel)
    {
        try
        {
            for (var sent = await sending.ConfigureAwait(false); sent < buffer.Length;)
            {
                sent += await _socket.SendAsync(buffer[sent..], SocketFlags.None, cancel).ConfigureAwait(false);
            }
        }
        catch (SocketException broken)
        {
            throw new IOException(broken.Message, broken);
        }
    }
}
