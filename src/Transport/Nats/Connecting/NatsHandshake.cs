using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Jesus.Transport.Http;
using Jesus.Transport.Nats.Auth;
using Jesus.Transport.Nats.Protocol;

namespace Jesus.Transport.Nats.Connecting;

/// <summary>
/// From a server's address to a connection that the server has accepted:
/// 1 TCP; 2 TLS if it comes first; 3 INFO; 4 TLS if it comes now; 5 CONNECT and PING; 6 PONG. Each step has its time.
/// </summary>
internal sealed class NatsHandshake(ServerAddress server, NatsOptions options, INetwork network, TimeProvider time, CancellationToken closing)
{
    private ReceiveBuffer _buffer = new(0);
    private string _step = "";

    /// <returns>The link, or why there is none.</returns>
    public async Task<(NatsLink? Link, string Error)> ConnectAsync()
    {
        INetworkConnection? connection = null;
        try
        {
            using (var limit = Limit("the connection was not taken", options.ConnectTimeoutMs))
            {
                connection = await network.ConnectAsync(new NetworkTarget(server.Host, server.Port, Tls: false) { HasOwnThread = true }, limit.Token).ConfigureAwait(false);
            }

            var (link, error) = await GreetAsync(connection).ConfigureAwait(false);
            if (link is null)
            {
                connection.Abort();
            }

            return (link, error);
        }
        catch (OperationCanceledException)
        {
            connection?.Abort();
            return (null, closing.IsCancellationRequested ? "closed" : $"{_step} in time");
        }
        catch (Exception broken) when (broken is IOException or SocketException or AuthenticationException or ObjectDisposedException or InvalidOperationException)
        {
            connection?.Abort();
            return (null, $"{_step}: {TlsTrust.ReasonOf(broken)}");
        }
    }

    private async Task<(NatsLink? Link, string Error)> GreetAsync(INetworkConnection connection)
    {
        _buffer = new ReceiveBuffer(Math.Max(options.ReceiveBytes, 2 * NatsLimits.InfoBytesMax));
        var stream = connection.AsStream();
        var first = options.Tls?.First == true;
        if (first)
        {
            stream = await SecureAsync(stream).ConfigureAwait(false);
        }

        var (info, error) = await ReadInfoAsync(stream).ConfigureAwait(false);
        if (info is null)
        {
            return (null, error);
        }

        var tls = first;
        if (!first && (info.TlsRequired || server.Tls || options.Tls is not null))
        {
            // Bytes before the handshake are from whoever sits on the line, not from the server that we are about to check.
            if (_buffer.Length > 0)
            {
                return (null, "the server sent more than INFO before TLS");
            }

            if (!info.TlsRequired && !info.TlsAvailable)
            {
                return (null, "TLS is wanted and the server offers none");
            }

            stream = await SecureAsync(stream).ConfigureAwait(false);
            tls = true;
        }

        var (identity, wrong) = NatsIdentity.Of(options, server, info.Nonce);
        if (wrong is not null)
        {
            return (null, wrong);
        }

        var (taken, refusal) = await IntroduceAsync(stream, info, ConnectWriter.Write(options, identity, tls)).ConfigureAwait(false);
        return taken is null ? (null, refusal) : (new NatsLink(server, connection, stream, taken, _buffer), "");
    }

    private async Task<SslStream> SecureAsync(Stream stream)
    {
        using var limit = Limit("the TLS handshake did not end", options.HandshakeTimeoutMs);
        var secure = new SslStream(stream);
        var handshake = (options.Tls?.Trust ?? TlsTrust.System).HandshakeWith(server.TlsName);
        handshake.Options.ApplicationProtocols = null;
        try
        {
            await secure.AuthenticateAsClientAsync(handshake.Options, limit.Token).ConfigureAwait(false);
            return secure;
        }
        catch (Exception failed) when (failed is AuthenticationException or IOException)
        {
            throw new TlsFailedException(handshake.WhyFailed(failed), failed);
        }
    }

    private async Task<(NatsServerInfo? Info, string Error)> ReadInfoAsync(Stream stream)
    {
        using var limit = Limit("the server sent no INFO", options.HandshakeTimeoutMs);
        var (frame, line, error) = await ReadLineAsync(stream, limit.Token).ConfigureAwait(false);
        if (error.Length > 0)
        {
            return (null, error);
        }

        var info = frame.Verb == NatsVerb.Info ? InfoReader.Read(line.AsSpan(frame.TextAt), server.Address) : null;
        return info is null ? (null, frame.Verb == NatsVerb.Err ? Words(line, frame) : "the server did not begin with INFO: it is no NATS server") : (info, "");
    }

    // The server may say things before the PONG: a newer INFO, and -ERR when it does not want us.
    private async Task<(NatsServerInfo? Info, string Error)> IntroduceAsync(Stream stream, NatsServerInfo info, ReadOnlyMemory<byte> connect)
    {
        using var limit = Limit("the server did not answer CONNECT", options.HandshakeTimeoutMs);
        await stream.WriteAsync(connect, limit.Token).ConfigureAwait(false);
        while (true)
        {
            var (frame, line, error) = await ReadLineAsync(stream, limit.Token).ConfigureAwait(false);
            switch (frame.Verb)
            {
                case NatsVerb.Pong:
                    return (info, "");
                case NatsVerb.Err:
                    return (null, Words(line, frame));
                case NatsVerb.Info:
                    info = InfoReader.Read(line.AsSpan(frame.TextAt), server.Address) ?? info;
                    break;
                case NatsVerb.Ok or NatsVerb.Ping:
                    break;
                default:
                    return (null, error.Length > 0 ? error : "the server did not answer CONNECT with PONG");
            }
        }
    }

    private async Task<(NatsFrame Frame, byte[] Line, string Error)> ReadLineAsync(Stream stream, CancellationToken cancel)
    {
        while (true)
        {
            var verb = NatsParser.Read(_buffer.Unread, out var frame);
            if (verb is NatsVerb.Malformed or NatsVerb.Msg)
            {
                return (default, [], "the server does not speak NATS");
            }

            if (verb != NatsVerb.None)
            {
                var line = _buffer.Unread[..frame.LineLength].ToArray();
                _buffer.Consumed(frame.LineLength);
                return (frame, line, "");
            }

            var count = await stream.ReadAsync(_buffer.Room(), cancel).ConfigureAwait(false);
            if (count == 0)
            {
                return (default, [], "the server closed the connection");
            }

            _buffer.Received(count);
        }
    }

    private static string Words(byte[] line, in NatsFrame frame) => Encoding.UTF8.GetString(line.AsSpan(frame.TextAt)).Trim().Trim('\'');

    private StepLimit Limit(string step, int milliseconds)
    {
        _step = step;
        return new StepLimit(TimeSpan.FromMilliseconds(milliseconds), time, closing);
    }

    /// <summary>A step's time, or the client's end if that comes first.</summary>
    private sealed class StepLimit : IDisposable
    {
        private readonly CancellationTokenSource _timer;
        private readonly CancellationTokenSource _either;

        public StepLimit(TimeSpan within, TimeProvider time, CancellationToken closing)
        {
            _timer = new CancellationTokenSource(within, time);
            _either = CancellationTokenSource.CreateLinkedTokenSource(_timer.Token, closing);
        }

        public CancellationToken Token => _either.Token;

        public void Dispose()
        {
            _either.Dispose();
            _timer.Dispose();
        }
    }
}
