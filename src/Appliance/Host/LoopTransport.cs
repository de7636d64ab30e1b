using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Host;

/// <summary>
/// Kestrel's connections on the event loops that upstream connections use as well: a call then runs from its first byte to its last on one thread. The framework's own
/// transport hands each request through three.
/// </summary>
internal sealed class LoopTransport(ILoggerFactory log) : IConnectionListenerFactory
{
    private const int BacklogMax = 512;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, endpoint is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        try
        {
            if (endpoint is IPEndPoint { Address: var address } && address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(endpoint);
            socket.Listen(BacklogMax);
            return ValueTask.FromResult<IConnectionListener>(new LoopListener(socket, log.CreateLogger<LoopListener>()));
        }
        catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            socket.Dispose();
            throw new AddressInUseException(taken.Message, taken);
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>One address: accepts, and gives each connection to an event loop.</summary>
internal sealed partial class LoopListener(Socket socket, ILogger log) : IConnectionListener
{
    /// <summary>Out of descriptors or of memory: trying again at once would only burn a core.</summary>
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(100);

    public EndPoint EndPoint { get; } = socket.LocalEndPoint!;

    /// <returns>Null once it is unbound.</returns>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            try
            {
                var accepted = await socket.AcceptAsync(cancellationToken);
                if (Begin(accepted) is { } connection)
                {
                    return connection;
                }
            }
            catch (Exception over) when (over is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                return null;
            }
            catch (SocketException failed)
            {
                Failed(failed.Message);
                await Task.Delay(Breath, cancellationToken);
            }
        }
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        socket.Dispose();
        return default;
    }

    public ValueTask DisposeAsync() => UnbindAsync();

    /// <returns>Null where the peer has left already.</returns>
    private LoopConnection? Begin(Socket accepted)
    {
        try
        {
            if (accepted.AddressFamily != AddressFamily.Unix)
            {
                accepted.NoDelay = true;
            }

            return new LoopConnection(accepted);
        }
        catch (Exception gone) when (gone is IOException or SocketException)
        {
            Failed(gone.Message);
            accepted.Dispose();
            return null;
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "a connection to {EndPoint} could not be accepted: {Reason}")]
    private static partial void Failed(ILogger log, EndPoint endPoint, string reason);

    private void Failed(string reason) => Failed(log, EndPoint, reason);
}
