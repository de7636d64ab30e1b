using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Jesus.Tests.Nats;

/// <summary>Which way bytes go through a <see cref="FaultProxy"/>.</summary>
internal enum FaultWay
{
    ToServer,
    ToClient,
}

/// <summary>
/// A TCP proxy on loopback that fails on demand: what the link between a client and a server does on a bad day. Every fault can be set and taken back while
/// connections are open; nothing set, it passes bytes on.
/// </summary>
internal sealed class FaultProxy : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<FaultLink, byte> _links = [];
    private readonly List<Task> _serving = [];
    private readonly Lock _gate = new();
    private readonly X509Certificate2? _tls;
    private TcpListener? _listener;
    private Task _accepting = Task.CompletedTask;
    private int _accepted;

    private FaultProxy(int upstreamPort, X509Certificate2? tls)
    {
        (UpstreamPort, _tls) = (upstreamPort, tls);
        Listen(0);
    }

    /// <param name="upstreamPort">The server's, on 127.0.0.1.</param>
    public static FaultProxy To(int upstreamPort) => new(upstreamPort, null);

    /// <summary>Speaks TLS from the first byte and plainly to the server behind it, which nats-server 2.9 itself cannot (<c>handshake_first</c> came with 2.10).</summary>
    public static FaultProxy TlsFirst(int upstreamPort, X509Certificate2 certificate) => new(upstreamPort, certificate);

    public int Port { get; private set; }

    /// <summary>Where new connections go.</summary>
    public int UpstreamPort { get; set; }

    /// <summary>Connections that came.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>Connections that are open.</summary>
    public int Open => _links.Count;

    /// <summary>What bytes wait for on their way, each way.</summary>
    public FaultGate ToServer { get; } = new();

    public FaultGate ToClient { get; } = new();

    /// <summary>While closed, a new connection is taken but not carried to the server: one that comes later can overtake it.</summary>
    public FaultGate Arrivals { get; } = new();

    /// <summary>How long each piece is under way, each way.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>How fast bytes go, each way of each connection; 0 is as fast as they come.</summary>
    public int BytesPerSecond { get; set; }

    /// <summary>Largest piece that is passed on in one write; small ones tear every frame.</summary>
    public int PieceMax { get; set; } = int.MaxValue;

    /// <summary>
    /// The link is cut without a word: bytes of both ways wait, a connection that one end closes stays open at the other, new connections are taken and
    /// nobody answers. What TCP had under way comes after <see cref="Heal"/>, as it does when a cable is plugged in again.
    /// </summary>
    public void Partition()
    {
        Arrivals.Close();
        ToServer.Close();
        ToClient.Close();
    }

    public void Heal()
    {
        ToClient.Open();
        ToServer.Open();
        Arrivals.Open();
    }

    /// <summary>Resets every connection that is open now.</summary>
    public void Cut()
    {
        foreach (var link in _links.Keys)
        {
            link.Reset();
        }
    }

    /// <summary>Every connection, of now and later, ends after so many more bytes of one way: in the middle of a frame, when the number says so.</summary>
    public void CutAfter(FaultWay way, long bytes) => GateOf(way).Budget = bytes;

    /// <summary>No limit of bytes any more.</summary>
    public void CutNever()
    {
        (ToServer.Budget, ToClient.Budget) = (long.MaxValue, long.MaxValue);
    }

    /// <summary>Nobody listens: connections are refused, and those that are open are reset.</summary>
    public async Task RefuseAsync()
    {
        _listener?.Dispose();
        _listener = null;
        await _accepting;
        Cut();
    }

    /// <summary>Listens again, on the same port.</summary>
    public void Accept() => Listen(Port);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener?.Dispose();
        await _accepting;
        Task[] serving;
        lock (_gate)
        {
            serving = [.. _serving];
        }

        await Task.WhenAll(serving);
        _stop.Dispose();
    }

    private FaultGate GateOf(FaultWay way) => way == FaultWay.ToServer ? ToServer : ToClient;

    private void Listen(int port)
    {
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync(_listener);
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                var socket = await listener.AcceptSocketAsync(_stop.Token);
                Interlocked.Increment(ref _accepted);
                lock (_gate)
                {
                    _serving.Add(ServeAsync(socket));
                }
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Refusing, or over.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var link = new FaultLink(this, client, _stop.Token);
        _links[link] = 0;
        try
        {
            await link.RunAsync(_tls);
        }
        catch (Exception gone) when (gone is SocketException or IOException or OperationCanceledException or ObjectDisposedException or AuthenticationException)
        {
            // One end left, as tests want it to.
        }
        finally
        {
            _links.TryRemove(link, out _);
        }
    }
}
