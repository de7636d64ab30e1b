using System.Diagnostics;

namespace Jesus.Bench.Load;

/// <summary>What one run of the load found.</summary>
/// <param name="PerSecond">Answers a second.</param>
/// <param name="ByStatus">Answers by HTTP status; 0 is a connection that broke.</param>
internal sealed record LoadResult(double PerSecond, double P50, double P99, double Max, long Answers, long Bytes, IReadOnlyDictionary<int, long> ByStatus)
{
    public long Good => ByStatus.GetValueOrDefault(200);
}

/// <summary>
/// Sends one request over and over from one thread over epoll. Closed: each connection asks again when it has its answer. Open: the schedule fixes when each
/// request is due, whether or not earlier ones were answered, and its latency counts from then (no coordinated omission). Allocates nothing while it runs.
/// </summary>
internal sealed class LoadGenerator(int port, byte[] request)
{
    private const int BufferBytes = 256 * 1024;
    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly Histogram _latency = new();
    private readonly long[] _byStatus = new long[600];
    private readonly Queue<long> _due = new(1 << 16);
    private readonly Stack<int> _free = new(1024);
    private readonly Dictionary<int, Connection> _connections = [];
    private int _epoll;
    private bool _open;
    private bool _measuring;
    private long _answers;
    private long _bytes;

    /// <param name="perSecond">Requests a second by schedule; 0 is a closed loop.</param>
    public LoadResult Run(int connections, double seconds, double warmSeconds, double perSecond = 0)
    {
        Libc.PreciseTimers();
        _epoll = Libc.EpollCreate(0);
        _open = perSecond > 0;
        for (var i = 0; i < connections; i++)
        {
            Connect();
        }

        try
        {
            var start = Now();
            var measureFrom = start + (long)(warmSeconds * NanosecondsPerSecond);
            var end = measureFrom + (long)(seconds * NanosecondsPerSecond);
            Loop(start, measureFrom, end, perSecond);
            return Result(seconds);
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

    private void Loop(long start, long measureFrom, long end, double perSecond)
    {
        Span<Libc.Event> events = stackalloc Libc.Event[256];
        var gap = perSecond > 0 ? NanosecondsPerSecond / perSecond : 0;
        var scheduled = 0L;
        StartClosed();
        for (var now = Now(); now < end; now = Now())
        {
            if (!_measuring && now >= measureFrom)
            {
                Begin();
            }

            var wait = Math.Min(end - now, 50_000_000);
            if (_open)
            {
                while (start + (long)(scheduled * gap) <= now)
                {
                    _due.Enqueue(start + (long)(scheduled++ * gap));
                }

                SendDue();
                wait = Math.Min(wait, Math.Max(0, start + (long)(scheduled * gap) - Now()));
            }

            var count = Libc.Wait(_epoll, events, wait);
            for (var i = 0; i < count; i++)
            {
                Receive(events[i].Data);
            }
        }
    }

    private void StartClosed()
    {
        while (!_open && _free.Count > 0)
        {
            Send(_free.Pop(), Now());
        }
    }

    private void SendDue()
    {
        while (_due.Count > 0 && _free.Count > 0)
        {
            Send(_free.Pop(), _due.Dequeue());
        }
    }

    private void Begin()
    {
        _measuring = true;
        _latency.Reset();
        Array.Clear(_byStatus);
        _answers = 0;
        _bytes = 0;
    }

    private void Connect()
    {
        var socket = Libc.Connect(port);
        if (!_connections.TryGetValue(socket, out var connection))
        {
            _connections[socket] = connection = new Connection();
        }

        connection.Length = 0;
        Libc.Watch(_epoll, Libc.ControlAdd, socket, Libc.EventIn, socket);
        _free.Push(socket);
    }

    private void Send(int socket, long intended)
    {
        var connection = _connections[socket];
        connection.Intended = intended;
        connection.Busy = true;
        var sent = Libc.Send(socket, request);
        if (sent != request.Length)
        {
            // A connection on its way takes no bytes yet; its loopback handshake is done in a moment.
            Thread.Sleep(1);
            sent = Math.Max(0, sent);
            _ = Libc.Send(socket, request.AsSpan(sent));
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
        var length = HttpWire.MessageLength(connection.Buffer.AsSpan(0, connection.Length));
        if (length == 0)
        {
            return;
        }

        Count(HttpWire.Status(connection.Buffer), connection, length);
        connection.Length = 0;
        connection.Busy = false;
        Next(socket);
    }

    private void Broken(int socket, Connection connection)
    {
        if (connection.Busy)
        {
            Count(0, connection, 0);
        }

        connection.Busy = false;
        _ = Libc.Close(socket);
        _connections.Remove(socket);
        Connect();
        StartClosed();
    }

    private void Next(int socket)
    {
        if (!_open)
        {
            Send(socket, Now());
            return;
        }

        _free.Push(socket);
        SendDue();
    }

    private void Count(int status, Connection connection, int bytes)
    {
        _latency.Add(Now() - connection.Intended);
        _byStatus[Math.Clamp(status, 0, 599)]++;
        _answers++;
        _bytes += bytes;
    }

    private LoadResult Result(double seconds)
    {
        var statuses = new Dictionary<int, long>();
        for (var i = 0; i < _byStatus.Length; i++)
        {
            if (_byStatus[i] > 0)
            {
                statuses[i] = _byStatus[i];
            }
        }

        var (p50, p99) = (Microseconds(_latency.Percentile(0.5)), Microseconds(_latency.Percentile(0.99)));
        return new LoadResult(_answers / seconds, p50, p99, Microseconds(_latency.Max), _answers, _bytes, statuses);
    }

    private static double Microseconds(long nanoseconds) => nanoseconds / 1000.0;

    private static long Now() => Stopwatch.GetTimestamp() * (NanosecondsPerSecond / Stopwatch.Frequency);

    private sealed class Connection
    {
        public byte[] Buffer { get; } = new byte[BufferBytes];
        public int Length { get; set; }
        public long Intended { get; set; }
        public bool Busy { get; set; }
    }
}
