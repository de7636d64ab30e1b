using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Jesus.Transport.Sockets;

namespace Jesus.Transport.Http;

/// <summary>TCP, with TLS where asked for.</summary>
public sealed class TcpNetwork(TlsTrust? trust = null) : INetwork
{
    /// <summary>Holds the head and first events of an answer in one read; a pipe grows by segments of this size.</summary>
    private const int SegmentBytes = 16 * 1024;

    /// <summary>Certificates are checked by the system's trust store.</summary>
    public static TcpNetwork Instance { get; } = new();

    public async ValueTask<INetworkConnection> ConnectAsync(NetworkTarget target, CancellationToken cancel)
    {
        if (target.HasOwnThread)
        {
            return await ConnectBlockingAsync(target, cancel).ConfigureAwait(false);
        }

        var socket = await ConnectLoopAsync(target, cancel).ConfigureAwait(false);
        if (!target.Tls)
        {
            return new Connection(socket, secure: null);
        }

        try
        {
            return new Connection(socket, await SecureAsync(new DuplexPipeStream(socket), target, cancel).ConfigureAwait(false));
        }
        catch
        {
            socket.Close();
            throw;
        }
    }

    /// <summary>The addresses of the name in turn, as the resolver orders them.</summary>
    private static async ValueTask<LoopSocket> ConnectLoopAsync(NetworkTarget target, CancellationToken cancel)
    {
        var reading = new LoopSocketOptions(SegmentBytes);
        if (IPAddress.TryParse(target.Host, out var literal))
        {
            return await LoopSocket.ConnectAsync(new IPEndPoint(literal, target.Port), reading, cancel).ConfigureAwait(false);
        }

        IOException? failed = null;
        foreach (var address in await ResolveAsync(target.Host, cancel).ConfigureAwait(false))
        {
            try
            {
                return await LoopSocket.ConnectAsync(new IPEndPoint(address, target.Port), reading, cancel).ConfigureAwait(false);
            }
            catch (IOException error)
            {
                failed = error;
            }
        }

        throw failed ?? new IOException($"the name '{target.Host}' has no address");
    }

    private static async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancel)
    {
        try
        {
            return await Dns.GetHostAddressesAsync(host, cancel).ConfigureAwait(false);
        }
        catch (SocketException unknown)
        {
            throw new IOException(unknown.Message, unknown);
        }
    }

    /// <summary>Without the framework's poller, which would keep a socket that it was once asked to wait for: see <see cref="SocketStream"/>.</summary>
    private static async ValueTask<INetworkConnection> ConnectBlockingAsync(NetworkTarget target, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await using var closing = cancel.UnsafeRegister(static socket => ((Socket)socket!).Dispose(), socket).ConfigureAwait(false);
            await Task.Factory
                .StartNew(() => socket.Connect(target.Host, target.Port), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
                .ConfigureAwait(false);
            return new BlockingConnection(socket);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            socket.Dispose();
            cancel.ThrowIfCancellationRequested();
            throw new IOException(error.Message, error);
        }
    }

    private async ValueTask<SslStream> SecureAsync(Stream stream, NetworkTarget target, CancellationToken cancel)
    {
        var secure = new SslStream(stream);
        var handshake = (trust ?? TlsTrust.System).HandshakeWith(target.Host);
        try
        {
            await secure.AuthenticateAsClientAsync(handshake.Options, cancel).ConfigureAwait(false);
            return secure;
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            await secure.DisposeAsync().ConfigureAwait(false);
            throw new TlsFailedException(handshake.WhyFailed(error), error);
        }
    }

    private sealed class Connection(LoopSocket socket, SslStream? secure) : INetworkConnection
    {
        public PipeReader Input { get; } =
            secure is null ? socket.Input : PipeReader.Create(secure, new StreamPipeReaderOptions(bufferSize: SegmentBytes, minimumReadSize: 1024));

        public PipeWriter Output { get; } = secure is null ? socket.Output : PipeWriter.Create(secure, new StreamPipeWriterOptions(minimumBufferSize: SegmentBytes));

        /// <summary>News while nothing was asked mean closed (or bytes that nobody asked for).</summary>
        public bool LooksAlive => !socket.HasNews;

        public bool LooksFresh => LooksAlive || (secure is not null && HoldsOnlyTickets());

        public bool IsNear => socket.IsNear;

        public void Abort() => socket.Close();

        // RFC 8446, section 5: after the handshake tickets and alerts alike are records of type application_data, told apart by their length. An alert is
        // 2 bytes, its type and the cipher's tag; the shortest ticket is longer.
        private bool HoldsOnlyTickets()
        {
            const byte ApplicationData = 23;
            const int AlertBytesMax = 32;
            if (!socket.Input.TryRead(out var read))
            {
                return false;
            }

            var held = read.Buffer.FirstSpan;
            var isOnly = !held.IsEmpty && !read.IsCompleted;
            for (var at = 0; isOnly && at + 5 <= held.Length; at += 5 + ((held[at + 3] << 8) | held[at + 4]))
            {
                isOnly = held[at] == ApplicationData && ((held[at + 3] << 8) | held[at + 4]) > AlertBytesMax;
            }

            socket.Input.AdvanceTo(read.Buffer.Start);
            return isOnly;
        }
    }

    private sealed class BlockingConnection(Socket socket) : INetworkConnection
    {
        public PipeReader Input => throw new NotSupportedException("a connection for a thread of its own is read as a stream");
        public PipeWriter Output => throw new NotSupportedException("a connection for a thread of its own is written as a stream");
        public bool LooksAlive => true;

        public Stream AsStream() => new SocketStream(socket);

        public void Abort() => socket.Dispose();
    }
}
