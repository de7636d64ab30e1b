using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

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

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new DnsEndPoint(target.Host, target.Port), cancel).ConfigureAwait(false);
            Stream stream = new NetworkStream(socket, ownsSocket: true);
            return new Connection(socket, target.Tls ? await SecureAsync(stream, target, cancel).ConfigureAwait(false) : stream);
        }
        catch (Exception error)
        {
            socket.Dispose();
            if (error is SocketException)
            {
                throw new IOException(error.Message, error);
            }

            throw;
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
        var options = trust?.OptionsFor(target) ?? TlsTrust.System.OptionsFor(target);
        try
        {
            await secure.AuthenticateAsClientAsync(options, cancel).ConfigureAwait(false);
            return secure;
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            await secure.DisposeAsync().ConfigureAwait(false);
            throw new IOException($"the TLS handshake failed: {TlsTrust.ReasonOf(error)}", error);
        }
    }

    private sealed class Connection(Socket socket, Stream stream) : INetworkConnection
    {
        public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: SegmentBytes, minimumReadSize: 1024));
        public PipeWriter Output { get; } = PipeWriter.Create(stream, new StreamPipeWriterOptions(minimumBufferSize: SegmentBytes));

        /// <summary>Readable while nothing was asked means closed (or bytes that nobody asked for).</summary>
        public bool LooksAlive
        {
            get
            {
                try
                {
                    return !socket.Poll(0, SelectMode.SelectRead);
                }
                catch (ObjectDisposedException)
                {
                    return false;
                }
            }
        }

        public bool LooksFresh => LooksAlive || (stream is SslStream && HoldsOnlyTickets());

        public void Abort() => socket.Dispose();

        // RFC 8446, section 5: after the handshake tickets and alerts alike are records of type application_data, told apart by their length. An alert is
        // 2 bytes, its type and the cipher's tag; the shortest ticket is longer.
        private bool HoldsOnlyTickets()
        {
            const byte ApplicationData = 23;
            const int AlertBytesMax = 32;
            Span<byte> held = stackalloc byte[4096];
            try
            {
                var length = socket.Receive(held, SocketFlags.Peek);
                for (var at = 0; at + 5 <= length; at += 5 + ((held[at + 3] << 8) | held[at + 4]))
                {
                    if (held[at] != ApplicationData || ((held[at + 3] << 8) | held[at + 4]) <= AlertBytesMax)
                    {
                        return false;
                    }
                }

                return length > 0;
            }
            catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
            {
                return false;
            }
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
