using System.Diagnostics;

namespace Jesus.Bench.Load;

/// <summary>What one run of the load found; times are microseconds.</summary>
/// <param name="PerSecond">Answers a second.</param>
/// <param name="ByStatus">Answers by HTTP status; 0 is a connection that broke.</param>
internal sealed record LoadResult(double PerSecond, double P50, double P99, double Max, long Answers, long Bytes, IReadOnlyDictionary<int, long> ByStatus)
{
    public long Good => ByStatus.GetValueOrDefault(200);
}

/// <summary>
/// Sends the requests of its sources from one thread over epoll. Closed: each connection asks again when it has its answer. Open: the schedule fixes when each
/// request is due, whether or not earlier ones were answered, and its latency counts from then (no coordinated omission). Allocates nothing while it runs.
/// </summary>
internal sealed class LoadGenerator(params LoadSource[] sources)
{
    private const int BufferBytes = 64 * 1024;
    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly Dictionary<int, Connection> _connections = [];
    private int _epoll;
    private bool _measuring;

    /// <summary>One request over and over.</summary>
    /// <param name="perSecond">Requests a second by schedule; 0 is a closed loop.</param>
    public static LoadResult Run(int port, byte[] request, int connections, double seconds, double warmSeconds, double perSecond = 0)
    {
        var source = new LoadSource(port, [request], connections, perSecond);
        new LoadGenerator(source).Run(seconds, warmSeconds);
        return source.Tally.Result(seconds);
    }

    /// <summary>What came is in each source's tally: of the seconds after the warm ones alone.</summary>
    public void Run(double seconds, double warmSeconds)
    {
        Libc.PreciseTimers();
        _epoll = Libc.EpollCreate(0);
        foreach (var source in sources)
        {
            for (var i = 0; i < source.Connections; i++)
            {
                Connect(source);
            }
        }

        try
        {
            var start = Now();
            var measureFrom = start + (long)(warmSeconds * NanosecondsPerSecond);
            Loop(start, measureFrom, measureFrom + (long)(seconds * NanosecondsPerSecond));
        }
        finally
        {
            foreach (var socket in _connections.Keys)
            {
                _ = Libc.Close(socket);
            }

            _ = Libc.Close(_epoll);
        }
    }

    private void Loop(long start, long measureFrom, long end)
    {
        Span<Libc.Event> events = stackalloc Libc.Event[256];
        StartClosed();
        for (var now = Now(); now < end; now = Now())
        {
            if (!_measuring && now >= measureFrom)
            {
                Begin();
            }

            var count = Libc.Wait(_epoll, events, SendDue(start, Math.Min(end - now, 50_000_000)));
            for (var i = 0; i < count; i++)
            {
                Receive(events[i].Data);
            }
        }
    }

    private void StartClosed()
    {
        foreach (var source in sources)
        {
            while (!source.IsOpen && source.Free.Count > 0)
            {
                Send(source.Free.Pop(), source.Next(Now()));
            }
        }
    }

    private long SendDue(long start, long wait)
    {
        foreach (var source in sources)
        {
            if (source.IsOpen)
            {
                _ = source.Schedule(start, Now());
                SendDue(source);
                wait = Math.Min(wait, source.Schedule(start, Now()));
            }
        }

        return wait;
    }

    private void SendDue(LoadSource source)
    {
        while (source.HasDue && source.Free.Count > 0)
        {
            Send(source.Free.Pop(), source.TakeDue());
        }
    }

    private void Begin()
    {
        _measuring = true;
        foreach (var source in sources)
        {
            source.Tally.Reset();
        }
    }

    private void Connect(LoadSource source)
    {
        var socket = Libc.Connect(source.Port);
        if (!_connections.TryGetValue(socket, out var connection))
        {
            _connections[socket] = connection = new Connection();
        }

        (connection.Source, connection.Length) = (source, 0);
        Libc.Watch(_epoll, Libc.ControlAdd, socket, Libc.EventIn, socket);
        source.Free.Push(socket);
    }

    private void Send(int socket, in Call call)
    {
        var connection = _connections[socket];
        connection.Call = call;
        connection.Busy = true;
        var request = connection.Source.RequestOf(call);
        connection.Sent = Now();
        var sent = Libc.Send(socket, request);
        if (sent != request.Length)
        {
            // A connection on its way takes no bytes yet; its loopback handshake is done in a moment.
            Thread.Sleep(1);
            _ = Libc.Send(socket, request[Math.Max(0, sent)..]);
        }
    }

    private void Receive(int socket)
    {
        var connection = _connections[socket];
        var read = Libc.Receive(socket, connection.Buffer.AsSpan(connection.Length));
        if (read <= 0)
        {
            Broken(socket, connection);
            return;
        }

        connection.Length += read;
        var answer = connection.Buffer.AsSpan(0, connection.Length);
        var length = HttpWire.MessageLength(answer);
        if (length == 0)
        {
            return;
        }

        var status = HttpWire.Status(answer);
        var toldMs = LoadTally.IsRefusal(status) ? HttpWire.RetryAfterMs(answer) : 0;
        connection.Source.Answered(connection.Call, status, length, connection.Sent, Now(), toldMs);
        connection.Length = 0;
        connection.Busy = false;
        Next(socket, connection.Source);
    }

    private void Broken(int socket, Connection connection)
    {
        var source = connection.Source;
        if (connection.Busy)
        {
            source.Answered(connection.Call, 0, 0, connection.Sent, Now(), 0);
        }

        connection.Busy = false;
        _ = Libc.Close(socket);
        _connections.Remove(socket);
        Connect(source);
        StartClosed();
    }

    private void Next(int socket, LoadSource source)
    {
        if (!source.IsOpen)
        {
            Send(socket, source.Next(Now()));
            return;
        }

        source.Free.Push(socket);
        SendDue(source);
    }

    private static long Now() => Stopwatch.GetTimestamp() * (NanosecondsPerSecond / Stopwatch.Frequency);

    private sealed class Connection
    {
        public byte[] Buffer { get; } = new byte[BufferBytes];
        public LoadSource Source { get; set; } = null!;
        public int Length { get; set; }
        public Call Call { get; set; }
        public long Sent { get; set; }
        public bool Busy { get; set; }
    }
}
