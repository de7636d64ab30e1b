using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;

namespace Jesus.Transport.Sockets;

/// <summary>
/// A connected stream socket on an event loop. The loop receives straight into the reader's buffer and runs the waiting reader itself, if the read was begun on a loop; a read
/// begun elsewhere (a run, the engine) goes on on the thread pool. The framework must never be asked for an asynchronous operation of the socket: its own
/// poller would watch it as well.
/// </summary>
public sealed class LoopSocket : IDuplexPipe
{
    private readonly Socket _socket;
    private readonly EventLoop _loop;
    private readonly Action? _peerClosed;
    private TaskCompletionSource? _connecting;
    private int _isClosed;
    private int _toldClosed;

    /// <param name="socket">Connected; owned from here on.</param>
    /// <param name="options">How it reads.</param>
    /// <param name="peerClosed">Called once, on the thread pool, when the peer has closed its direction, whether or not anybody reads; null for none.</param>
    public LoopSocket(Socket socket, LoopSocketOptions options, Action? peerClosed = null)
        : this(socket, options, EventLoops.Take(), peerClosed)
    {
    }

    private LoopSocket(Socket socket, LoopSocketOptions options, EventLoop loop, Action? peerClosed, TaskCompletionSource? connecting = null)
    {
        (_socket, _loop, _peerClosed, _connecting) = (socket, loop, peerClosed, connecting);
        socket.Blocking = false;
        Handle = socket.SafeHandle;
        Reader = new SocketReader(Handle, options);
        Writer = new SocketWriter(Handle);
        loop.Add(this);
    }

    public PipeReader Input => Reader;
    public PipeWriter Output => Writer;

    /// <summary>Bytes, or the peer's end, wait although nobody asked; or the socket is closed.</summary>
    public bool HasNews => Volatile.Read(ref _isClosed) != 0 || Reader.HasNews;

    /// <summary>The calling thread is the loop that serves it.</summary>
    public bool IsNear => EventLoop.Current == _loop;

    internal SafeSocketHandle Handle { get; }
    internal ulong Key { get; set; }
    internal SocketReader Reader { get; }
    internal SocketWriter Writer { get; }

    /// <summary>While set, reads go on on the thread pool even where they were begun on a loop: whoever has the connection computes or waits.</summary>
    public bool AvoidsLoop
    {
        get => Reader.AvoidsLoop;
        set => Reader.AvoidsLoop = value;
    }

    /// <summary>Connects without a thread that waits.</summary>
    /// <exception cref="IOException">Refused, unreachable and the like.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async ValueTask<LoopSocket> ConnectAsync(EndPoint address, LoopSocketOptions options, CancellationToken cancel)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, Blocking = false };
        LoopSocket? connected = null;
        try
        {
            var error = Kernel.Connect(socket.SafeHandle, BytesOf(address));
            if (error is not (0 or Kernel.InProgress or Kernel.Interrupted))
            {
                throw new IOException(Kernel.Describe(error));
            }

            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            connected = new LoopSocket(socket, options, EventLoops.Take(), peerClosed: null, done);
            await done.Task.WaitAsync(cancel).ConfigureAwait(false);
            var failed = (SocketError)(int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;
            return failed == SocketError.Success ? connected : throw new IOException(new SocketException((int)failed).Message);
        }
        catch
        {
            connected?.Close();
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends what was written, waits for the kernel to take it, and closes.</summary>
    /// <param name="longest">After this the rest is given up.</param>
    public async ValueTask FinishAsync(TimeSpan longest)
    {
        await Writer.DrainAsync(longest).ConfigureAwait(false);
        Close();
    }

    /// <summary>Closes at once, from any thread, any number of times; what is under way fails, on the thread pool.</summary>
    public void Close()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) != 0)
        {
            return;
        }

        _loop.Remove(this);
        Reader.OnClosed();
        Writer.OnClosed();
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // The peer was first.
        }

        _socket.Dispose();
    }

    /// <summary>On the loop's thread.</summary>
    internal void OnEvents(uint events)
    {
        const uint Ended = Kernel.PeerClosed | Kernel.HungUp | Kernel.Failed;
        if ((events & (Kernel.Writable | Kernel.HungUp | Kernel.Failed)) != 0)
        {
            _connecting?.TrySetResult();
            _connecting = null;
            Writer.OnWritable();
        }

        var ended = (events & Ended) != 0;
        if (ended && _peerClosed is not null && Interlocked.Exchange(ref _toldClosed, 1) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static tell => tell(), _peerClosed, preferLocal: false);
        }

        if (ended || (events & Kernel.Readable) != 0)
        {
            Reader.OnReadable(ended);
        }
    }

    /// <summary>The address as the kernel takes it.</summary>
    private static ReadOnlySpan<byte> BytesOf(EndPoint address)
    {
        var raw = address.Serialize();
        return raw.Buffer.Span[..raw.Size];
    }
}

/// <summary>How a socket reads.</summary>
/// <param name="BufferBytes">What its buffer begins with, and goes back to when it is idle.</param>
public readonly record struct LoopSocketOptions(int BufferBytes)
{
    /// <summary>A reset by the peer, and closing it ourselves, read as its end rather than as a failure.</summary>
    public bool ResetIsEnd { get; init; }

    /// <summary>A read goes on on the loop even where it was begun elsewhere.</summary>
    public bool ResumesOnLoop { get; init; }
}
