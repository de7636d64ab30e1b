using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Jesus.Transport.Http;

/// <summary>TCP, with TLS where asked for; certificates are checked by the system's trust store.</summary>
public sealed class TcpNetwork : INetwork
{
    /// <summary>Holds the head and first events of an answer in one read; a pipe grows by segments of this size.</summary>
    private const int SegmentBytes = 16 * 1024;

    public static TcpNetwork Instance { get; } = new();

    public async ValueTask<INetworkConnection> ConnectAsync(NetworkTarget target, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new DnsEndPoint(target.Host, target.Port), cancel).ConfigureAwait(false);
            Stream stream = new NetworkStream(socket, ownsSocket: true);
            return new Connection(socket, target.Tls ? await SecureAsync(stream, target.Host, cancel).ConfigureAwait(false) : stream);
        }
        catch (Exception error)
        {
            socket.Dispose();
            if (error is SocketException or AuthenticationException)
            {
                throw new IOException(error.Message, error);
            }

            throw;
        }
    }

    private static async ValueTask<Stream> SecureAsync(Stream stream, string host, CancellationToken cancel)
    {
        var secure = new SslStream(stream);
        await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = host }, cancel).ConfigureAwait(false);
        return secure;
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

        public void Abort() => socket.Dispose();
    }
}
