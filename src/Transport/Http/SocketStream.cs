using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Jesus.Transport.Http;

/// <summary>
/// A socket as a stream for a protocol with a thread of its own that reads: <see cref="Read(Span{byte})"/> waits in the kernel, so that bytes wake the very thread that wants
/// them. The framework must never be asked for an asynchronous receive or send of such a socket: it would make it non-blocking for good (three system calls a read in place of
/// one) and put it on its poller, whose thread would then be woken for every packet beside the one that reads. So writing sends what the kernel takes at once, and only
/// what it does not take goes on on a thread of the stream's own.
/// </summary>
internal sealed partial class SocketStream : Stream
{
    private readonly Socket _socket;
    private readonly SendThread _rest;

    /// <param name="socket">Connected, blocking, and never used asynchronously.</param>
    public SocketStream(Socket socket)
    {
        _socket = socket;
        _rest = new SendThread(socket);
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
            return _socket.Receive(buffer);
        }
        catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
        {
            throw new IOException(closed.Message, closed);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <summary>For a handshake, which is a few reads: each takes a thread while it waits, and a cancelled one closes the connection.</summary>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await using var closing = cancellationToken.UnsafeRegister(static socket => ((Socket)socket!).Dispose(), _socket).ConfigureAwait(false);
        try
        {
            return await Task.Factory.StartNew(() => Read(buffer.Span), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        }
        catch (IOException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <exception cref="IOException">The connection is broken or was closed.</exception>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_rest.IsCurrent)
        {
            // This thread is there to wait, and whoever goes on on it has a whole stream of messages.
            SendThread.Send(_socket, buffer.Span);
            return ValueTask.CompletedTask;
        }

        var sent = SendNow(buffer.Span);
        return sent == buffer.Length ? ValueTask.CompletedTask : _rest.SendAsync(buffer[sent..]);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Waits; TLS answers so when a read meets something of the handshake's.</summary>
    public override void Write(ReadOnlySpan<byte> buffer) => SendThread.Send(_socket, buffer);

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

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
            _rest.End();
        }

        base.Dispose(disposing);
    }

    /// <returns>Bytes that the kernel took without waiting.</returns>
    private int SendNow(ReadOnlySpan<byte> bytes)
    {
        const int DontWait = 0x40;
        const int NoSignal = 0x4000;
        const int Interrupted = 4;
        const int WouldBlock = 11;
        try
        {
            while (true)
            {
                var sent = Send(_socket.SafeHandle, bytes, bytes.Length, DontWait | NoSignal);
                if (sent >= 0)
                {
                    return (int)sent;
                }

                var error = Marshal.GetLastPInvokeError();
                if (error == WouldBlock)
                {
                    return 0;
                }

                if (error != Interrupted)
                {
                    throw new IOException(Marshal.GetPInvokeErrorMessage(error));
                }
            }
        }
        catch (ObjectDisposedException closed)
        {
            throw new IOException(closed.Message, closed);
        }
    }

    /// <summary>send(2): the framework has no way to say "only what goes at once" of a blocking socket.</summary>
    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(SafeSocketHandle socket, ReadOnlySpan<byte> bytes, nint length, int flags);
}
