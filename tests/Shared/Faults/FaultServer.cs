using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Jesus.Tests.Faults;

/// <summary>
/// A raw TCP server on loopback that fails on demand: the first connection follows the first script, the second the second, and so on; the last script serves
/// all later ones. Every byte is the test's.
/// </summary>
internal sealed class FaultServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<FaultConnection> _connections = [];
    private readonly Func<FaultConnection, Task>[] _scripts;
    private readonly Task _accepting;
    private int _accepted;

    public FaultServer(params Func<FaultConnection, Task>[] scripts)
    {
        _scripts = scripts;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>An upstream that reads each request whole and then does what the fault says; good where there is none.</summary>
    public static FaultServer Of(UpstreamApi api, Fault fault) => new(connection => fault.ServeAsync(api, connection));

    /// <summary>An upstream that answers every request with a text.</summary>
    public static FaultServer Saying(UpstreamApi api, string text) => new(connection => api.ServeAsync(connection, text));

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Connections that came.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>A port that is held and on which nobody listens: no other test can be given it meanwhile.</summary>
    public static Socket Refusing()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    /// <summary>A port on which nobody listens.</summary>
    public static int RefusingPort()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        return port;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        foreach (var connection in _connections)
        {
            connection.Close();
        }

        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync(_stop.Token);
                var script = _scripts[Math.Min(_accepted, _scripts.Length - 1)];
                Interlocked.Increment(ref _accepted);
                var connection = new FaultConnection(socket, _stop.Token);
                _connections.Add(connection);
                _ = ServeAsync(connection, script);
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // The test is over.
        }
    }

    private static async Task ServeAsync(FaultConnection connection, Func<FaultConnection, Task> script)
    {
        try
        {
            await script(connection);
        }
        catch (Exception gone) when (gone is SocketException or IOException or OperationCanceledException or ObjectDisposedException or AuthenticationException)
        {
            // The client left first, as some tests want it to.
        }
        finally
        {
            connection.Close();
        }
    }
}
