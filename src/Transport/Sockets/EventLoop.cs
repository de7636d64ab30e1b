namespace Jesus.Transport.Sockets;

/// <summary>
/// A thread that waits for many sockets and runs, itself, whatever went on to wait for their bytes; so a call through the daemon takes no other thread and wakes none. What was
/// written during a turn is sent at its end, a socket's pieces in one call. Code that runs here must not wait or compute for long: <see cref="LoopExit"/> takes it
/// to the thread pool.
/// </summary>
internal sealed class EventLoop
{
    /// <summary>Events of one turn: a turn is then short enough for what it wrote to leave soon, and long enough to share its one wait.</summary>
    private const int EventsMax = 64;

    [ThreadStatic]
    private static EventLoop? _current;

    private readonly int _epoll = Kernel.NewEpoll();
    private readonly SocketTable _sockets = new();
    private readonly List<SocketWriter> _unsent = [];
    private readonly List<SocketReader> _postponed = [];
    private readonly List<SocketReader> _resumed = [];

    public EventLoop(string name) => new Thread(Run) { IsBackground = true, Name = name }.Start();

    /// <summary>The loop whose thread this is, if any.</summary>
    public static EventLoop? Current => _current;

    /// <summary>Grows with each turn.</summary>
    public int Turn { get; private set; }

    /// <summary>From here on events of the socket are told to it. Any thread.</summary>
    /// <exception cref="IOException">The kernel watches as many sockets as it may (fs.epoll.max_user_watches).</exception>
    public void Add(LoopSocket socket)
    {
        _sockets.Add(socket);
        try
        {
            Kernel.Watch(_epoll, socket.Handle, Kernel.Readable | Kernel.Writable | Kernel.PeerClosed | Kernel.Edge, socket.Key);
        }
        catch (IOException)
        {
            Remove(socket);
            throw;
        }
    }

    /// <summary>Any thread; the kernel forgets a socket when it is closed.</summary>
    public void Remove(LoopSocket socket) => _sockets.Remove(socket.Key);

    /// <summary>Sends at the end of this turn. This thread only.</summary>
    public void SendLater(SocketWriter writer) => _unsent.Add(writer);

    /// <summary>Goes on reading in the next turn, after the other sockets had theirs. This thread only.</summary>
    public void ReadLater(SocketReader reader) => _postponed.Add(reader);

    private void Run()
    {
        _current = this;
        var clean = ExecutionContext.Capture()!;
        Span<Kernel.Event> events = stackalloc Kernel.Event[EventsMax];
        while (true)
        {
            var count = Kernel.Wait(_epoll, events, _postponed.Count > 0 ? 0 : Timeout.Infinite);
            Turn++;
            ReadPostponed();
            for (var i = 0; i < count; i++)
            {
                _sockets.Find(events[i].Key)?.OnEvents(events[i].Events);
            }

            // What a continuation left flowing (a trace's activity) is not the next one's.
            ExecutionContext.Restore(clean);
            SendAll();
        }
    }

    private void ReadPostponed()
    {
        _resumed.AddRange(_postponed);
        _postponed.Clear();
        foreach (var reader in _resumed)
        {
            reader.OnReadable(ended: false);
        }

        _resumed.Clear();
    }

    private void SendAll()
    {
        foreach (var writer in _unsent)
        {
            writer.SendQueued();
        }

        _unsent.Clear();
    }
}
