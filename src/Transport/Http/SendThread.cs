using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace Jesus.Transport.Http;

/// <summary>
/// Sends what a connection's kernel buffer did not take at once, on a thread of its own that may wait: begun with the first such bytes, ended with the connection. One send at a
/// time, as of any stream.
/// </summary>
internal sealed class SendThread(Socket socket) : IValueTaskSource
{
    private readonly object _gate = new();
    private ManualResetValueTaskSourceCore<bool> _core;
    private ReadOnlyMemory<byte> _bytes;
    private Thread? _thread;
    private bool _isOver;

    /// <summary>The calling thread is this one: code that goes on behind a send.</summary>
    public bool IsCurrent => Thread.CurrentThread == _thread;

    public ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        // Before the thread may end it: an end frees it for the next.
        var task = new ValueTask(this, _core.Version);
        lock (_gate)
        {
            if (_isOver)
            {
                throw new IOException("the connection is closed");
            }

            _bytes = bytes;
            if (_thread is null)
            {
                _thread = new Thread(Run) { IsBackground = true, Name = "socket-sender" };
                _thread.Start();
            }

            Monitor.Pulse(_gate);
        }

        return task;
    }

    /// <summary>Waits until the kernel has taken all.</summary>
    /// <exception cref="IOException">The connection is broken or was closed.</exception>
    public static void Send(Socket socket, ReadOnlySpan<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                bytes = bytes[socket.Send(bytes)..];
            }
        }
        catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
        {
            throw new IOException(closed.Message, closed);
        }
    }

    /// <summary>The socket is closed; what is under way ends by that.</summary>
    public void End()
    {
        lock (_gate)
        {
            _isOver = true;
            Monitor.Pulse(_gate);
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
        try
        {
            _ = _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Run()
    {
        while (TryWait(out var bytes))
        {
            Finish(bytes);
        }
    }

    /// <returns>False: there will be no more.</returns>
    private bool TryWait(out ReadOnlyMemory<byte> bytes)
    {
        lock (_gate)
        {
            while (_bytes.IsEmpty && !_isOver)
            {
                Monitor.Wait(_gate);
            }

            bytes = _bytes;
            _bytes = default;
            return !bytes.IsEmpty;
        }
    }

    private void Finish(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            Send(socket, bytes.Span);
        }
        catch (IOException broken)
        {
            _core.SetException(broken);
            return;
        }

        _core.SetResult(true);
    }
}
