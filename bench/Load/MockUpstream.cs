using System.Diagnostics;

namespace Jesus.Bench.Load;

/// <summary>
/// An upstream that costs next to nothing: one thread, epoll, answers made beforehand. Port <see cref="Port"/> is good (but for <see cref="FaultsPerThousand"/>);
/// <see cref="FailingPort"/> fails every second request with 500, for the time to the next candidate; <see cref="SlowPort"/> answers each after
/// <see cref="ServiceMs"/>, however many there are.
/// </summary>
internal sealed class MockUpstream : IDisposable
{
    private const int BufferBytes = 32 * 1024;
    private const int SocketsMax = 4096;

    private readonly Peer?[] _peers = new Peer?[SocketsMax];
    private readonly int _epoll = Libc.EpollCreate(0);
    private readonly int _good;
    private readonly int _failing;
    private readonly int _slow;
    private readonly Queue<Delayed> _delayed = new(1024);
    private readonly Thread _thread;
    private volatile bool _stop;
    private long _requests;
    private long _failingRequests;
    private long _failedAt;
    private int _slowNow;

    public MockUpstream()
    {
        (_good, Port) = Libc.Listen(0);
        (_failing, FailingPort) = Libc.Listen(0);
        (_slow, SlowPort) = Libc.Listen(0);
        foreach (var listener in (ReadOnlySpan<int>)[_good, _failing, _slow])
        {
            Libc.Watch(_epoll, Libc.ControlAdd, listener, Libc.EventIn, listener);
        }

        _thread = new Thread(Run) { IsBackground = true, Name = "mock upstream" };
        _thread.Start();
    }

    public int Port { get; }
    public int FailingPort { get; }
    public int SlowPort { get; }

    /// <summary>From a request on the slow port to its answer. Set before the port is asked.</summary>
    public int ServiceMs { get; set; } = 100;

    /// <summary>Requests on the slow port that are not answered and whose caller waits.</summary>
    public int SlowNow => Volatile.Read(ref _slowNow);

    /// <summary>The most of them at once.</summary>
    public int SlowMost { get; private set; }

    /// <summary>Of the good port: 500, 429, a reset, and an answer cut in its middle by turns.</summary>
    public int FaultsPerThousand { get; set; }
    public long Requests => Volatile.Read(ref _requests);

    /// <summary>From a failure on the wire to the next candidate's request on the wire.</summary>
    public Histogram NextCandidate { get; } = new();

    public void Dispose()
    {
        _stop = true;
        _thread.Join();
        _ = Libc.Close(_epoll);
    }

    private void Run()
    {
        Span<Libc.Event> events = stackalloc Libc.Event[256];
        Libc.PreciseTimers();
        while (!_stop)
        {
            var count = Libc.Wait(_epoll, events, AnswerDelayed());
            for (var i = 0; i < count; i++)
            {
                var socket = events[i].Data;
                if (socket == _good || socket == _failing || socket == _slow)
                {
                    Accept(socket);
                }
                else
                {
                    Serve(socket, events[i].Events);
                }
            }
        }
    }

    private void Accept(int listener)
    {
        for (var socket = Libc.Accept(listener); socket >= 0; socket = Libc.Accept(listener))
        {
            if (socket >= SocketsMax)
            {
                _ = Libc.Close(socket);
                continue;
            }

            _peers[socket] ??= new Peer();
            _peers[socket]!.Begin(listener == _failing, listener == _slow);
            Libc.Watch(_epoll, Libc.ControlAdd, socket, Libc.EventIn, socket);
        }
    }

    private void Serve(int socket, uint events)
    {
        var peer = _peers[socket]!;
        if ((events & Libc.EventOut) != 0 && !Continue(socket, peer))
        {
            return;
        }

        var read = Libc.Receive(socket, peer.Input.AsSpan(peer.Length));
        if (read <= 0)
        {
            NoLongerWaits(peer);
            peer.End();
            _ = Libc.Close(socket);
            return;
        }

        peer.Length += read;
        var length = HttpWire.MessageLength(peer.Input.AsSpan(0, peer.Length));
        if (length > 0)
        {
            Answer(socket, peer, peer.Input.AsSpan(0, length));
            peer.Length = 0;
        }
    }

    private void Answer(int socket, Peer peer, ReadOnlySpan<byte> request)
    {
        var number = Interlocked.Increment(ref _requests);
        if (peer.IsSlow)
        {
            _delayed.Enqueue(new Delayed(Now() + (ServiceMs * 1_000_000L), socket, peer.Connection, BodyFor(request)));
            peer.Waits = true;
            SlowMost = Math.Max(SlowMost, Interlocked.Increment(ref _slowNow));
            return;
        }

        if (peer.Fails && (++_failingRequests & 1) == 1)
        {
            Send(socket, peer, MockAnswers.Failure);
            _failedAt = Now();
            return;
        }

        if (_failedAt != 0)
        {
            NextCandidate.Add(Now() - _failedAt);
            _failedAt = 0;
        }

        var body = BodyFor(request);
        if (FaultsPerThousand > 0 && number * FaultsPerThousand / 1000 != (number - 1) * FaultsPerThousand / 1000)
        {
            Fail(socket, peer, body, number * FaultsPerThousand / 1000);
            return;
        }

        Send(socket, peer, body);
    }

    /// <returns>How long to wait for something else to do.</returns>
    private long AnswerDelayed()
    {
        while (_delayed.TryPeek(out var next))
        {
            if (next.Due - Now() is > 0 and var left)
            {
                return left;
            }

            _ = _delayed.Dequeue();

            // Whoever asked may have gone meanwhile, and its socket's number be another's.
            if (_peers[next.Socket] is { } peer && peer.Connection == next.Connection)
            {
                NoLongerWaits(peer);
                Send(next.Socket, peer, next.Body);
            }
        }

        return 50_000_000;
    }

    private void NoLongerWaits(Peer peer)
    {
        _ = peer.Waits ? Interlocked.Decrement(ref _slowNow) : 0;
        peer.Waits = false;
    }

    private static byte[] BodyFor(ReadOnlySpan<byte> request) => request.IndexOf("\"stream\":true"u8) < 0 ? MockAnswers.Whole
        : request.IndexOf("\"mock-long\""u8) < 0 ? MockAnswers.Short : MockAnswers.Long;

    private void Fail(int socket, Peer peer, byte[] body, long number)
    {
        switch (number % 4)
        {
            case 0:
                Send(socket, peer, MockAnswers.Failure);
                break;
            case 1:
                Send(socket, peer, MockAnswers.Busy);
                break;
            case 2:
                Libc.Reset(socket);
                break;
            default:
                _ = Libc.Send(socket, body.AsSpan(0, body.Length / 2));
                _ = Libc.Close(socket);
                break;
        }
    }

    private void Send(int socket, Peer peer, byte[] bytes)
    {
        var sent = Math.Max(0, Libc.Send(socket, bytes));
        if (sent < bytes.Length)
        {
            peer.Output = bytes;
            peer.Sent = sent;
            Libc.Watch(_epoll, Libc.ControlModify, socket, Libc.EventOut, socket);
        }
    }

    /// <returns>True when all was sent and requests may be read again.</returns>
    private bool Continue(int socket, Peer peer)
    {
        var sent = Libc.Send(socket, peer.Output.AsSpan(peer.Sent));
        if (sent <= 0)
        {
            _ = Libc.Close(socket);
            return false;
        }

        peer.Sent += sent;
        if (peer.Sent < peer.Output!.Length)
        {
            return false;
        }

        Libc.Watch(_epoll, Libc.ControlModify, socket, Libc.EventIn, socket);
        return false;
    }

    private static long Now() => Stopwatch.GetTimestamp() * (1_000_000_000 / Stopwatch.Frequency);

    private readonly record struct Delayed(long Due, int Socket, int Connection, byte[] Body);

    private sealed class Peer
    {
        public byte[] Input { get; } = new byte[BufferBytes];
        public int Length { get; set; }
        public byte[]? Output { get; set; }
        public int Sent { get; set; }
        public bool Fails { get; private set; }
        public bool IsSlow { get; private set; }

        /// <summary>Its answer comes later.</summary>
        public bool Waits { get; set; }

        /// <summary>Tells one connection from the next on the same socket number.</summary>
        public int Connection { get; private set; }

        public void Begin(bool fails, bool isSlow)
        {
            Length = 0;
            Output = null;
            (Fails, IsSlow) = (fails, isSlow);
        }

        public void End() => Connection++;
    }
}
