using System.Diagnostics;

namespace Jesus.Bench.Load;

/// <summary>
/// An upstream that costs next to nothing: one thread, epoll, answers made beforehand. Port <see cref="Port"/> is good (but for <see cref="FaultsPerThousand"/>);
/// <see cref="FailingPort"/> fails every second request with 500, for the time to the next candidate.
/// </summary>
internal sealed class MockUpstream : IDisposable
{
    private const int BufferBytes = 32 * 1024;
    private const int SocketsMax = 4096;

    private readonly Peer?[] _peers = new Peer?[SocketsMax];
    private readonly int _epoll = Libc.EpollCreate(0);
    private readonly int _good;
    private readonly int _failing;
    private readonly Thread _thread;
    private volatile bool _stop;
    private long _requests;
    private long _failingRequests;
    private long _failedAt;

    public MockUpstream()
    {
        (_good, Port) = Libc.Listen(0);
        (_failing, FailingPort) = Libc.Listen(0);
        Libc.Watch(_epoll, Libc.ControlAdd, _good, Libc.EventIn, _good);
        Libc.Watch(_epoll, Libc.ControlAdd, _failing, Libc.EventIn, _failing);
        _thread = new Thread(Run) { IsBackground = true, Name = "mock upstream" };
        _thread.Start();
    }

    public int Port { get; }
    public int FailingPort { get; }

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
        while (!_stop)
        {
            var count = Libc.Wait(_epoll, events, 50_000_000);
            for (var i = 0; i < count; i++)
            {
                var socket = events[i].Data;
                if (socket == _good || socket == _failing)
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
            _peers[socket]!.Begin(listener == _failing);
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
        if (peer.Fails && (++_failingRequests & 1) == 1)
        {
            Send(socket, peer, MockAnswers.Failure);
            _failedAt = Stopwatch.GetTimestamp();
            return;
        }

        if (_failedAt != 0)
        {
            NextCandidate.Add((Stopwatch.GetTimestamp() - _failedAt) * (1_000_000_000 / Stopwatch.Frequency));
            _failedAt = 0;
        }

        var body = request.IndexOf("\"stream\":true"u8) < 0 ? MockAnswers.Whole
            : request.IndexOf("\"mock-long\""u8) < 0 ? MockAnswers.Short : MockAnswers.Long;
        if (FaultsPerThousand > 0 && number * FaultsPerThousand / 1000 != (number - 1) * FaultsPerThousand / 1000)
        {
            Fail(socket, peer, body, number * FaultsPerThousand / 1000);
            return;
        }

        Send(socket, peer, body);
    }

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

    private sealed class Peer
    {
        public byte[] Input { get; } = new byte[BufferBytes];
        public int Length { get; set; }
        public byte[]? Output { get; set; }
        public int Sent { get; set; }
        public bool Fails { get; private set; }

        public void Begin(bool fails)
        {
            Length = 0;
            Output = null;
            Fails = fails;
        }
    }
}
