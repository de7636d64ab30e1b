using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Jesus.Tests.Tls;
using Jesus.Transport.Http;

namespace Jesus.Transport.Tests.Http;

/// <summary>Against a real TLS server whose certificate an authority of ours issued.</summary>
public sealed class TlsTests : IDisposable
{
    private static readonly HttpRequest Post = new() { Method = "POST"u8.ToArray(), Path = "/v1/x"u8.ToArray(), Body = "{}"u8.ToArray() };

    /// <summary>A busy machine may take its time over a handshake.</summary>
    private static readonly HttpUpstreamOptions Patient = new() { ConnectTimeoutMs = 120_000 };

    private readonly TestAuthority _authority = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-tls").FullName;

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    public async Task A_certificate_of_a_trusted_authority_is_taken_and_the_connection_is_used_again(string host)
    {
        await using var server = new TlsServer(_authority.Issue(host));
        using var upstream = Upstream(server.Port, host);
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(("hello", HttpFault.None, ""), await ExchangeAsync(upstream));
        }

        Assert.Equal(1, server.Accepted);
    }

    [Theory]
    [InlineData("other.example", 10, -20, "its certificate is for other.example, not for 127.0.0.1: the address must name it as its certificate does")]
    [InlineData("127.0.0.1", -5, -20, "its certificate expired on {last}")]
    [InlineData("127.0.0.1", 10, 5, "its certificate is valid only from {first}")]
    [InlineData("other.example", -5, -20, "not for 127.0.0.1: the address must name it as its certificate does; its certificate expired on {last}")]
    public async Task A_certificate_that_is_wrong_is_refused_with_each_reason(string name, int lastDay, int firstDay, string reason)
    {
        using var certificate = _authority.Issue(name, lastDay, firstDay);
        await using var server = new TlsServer(_authority.Issue(name, lastDay, firstDay));
        using var upstream = Upstream(server.Port);
        await AssertRefusedAsync(upstream, reason.Replace("{last}", Day(certificate.NotAfter), StringComparison.Ordinal)
            .Replace("{first}", Day(certificate.NotBefore), StringComparison.Ordinal));

        static string Day(DateTime local) => local.ToUniversalTime().ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task A_certificate_of_an_authority_that_is_not_trusted_is_refused()
    {
        await using var server = new TlsServer(_authority.Issue("127.0.0.1"));
        using var system = new HttpUpstream(new NetworkTarget("127.0.0.1", server.Port, Tls: true), TcpNetwork.Instance, TimeProvider.System, Patient);
        await AssertRefusedAsync(system, "its certificate leads to 'CN=test authority', which this system does not trust");
        using var other = new TestAuthority("CN=other");
        using var apart = Upstream(server.Port, caFile: other.WriteRoot(Directory.CreateDirectory(Path.Combine(_folder, "other")).FullName));
        await AssertRefusedAsync(apart, "its certificate leads to 'CN=test authority', which tls.caFile does not hold");
        using var namesake = new TestAuthority();
        using var upstream = Upstream(server.Port, caFile: namesake.WriteRoot(Directory.CreateDirectory(Path.Combine(_folder, "namesake")).FullName));
        await AssertRefusedAsync(upstream, "its certificate is signed by another 'CN=test authority' than the one trusted here");
    }

    [Fact]
    public async Task A_server_that_speaks_no_tls_is_a_failed_connection()
    {
        await using var server = new TlsServer(null, afterAccept: stream => stream.WriteAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray()));
        using var upstream = Upstream(server.Port);
        await AssertRefusedAsync(upstream, "what the server sent is no TLS");
    }

    [Theory]
    [InlineData(70, "'protocol_version' (70): it speaks no version of TLS that this box does (1.2 and 1.3)")]
    [InlineData(40, "'handshake_failure' (40): it has no version and cipher in common with this box, or wants a client certificate")]
    [InlineData(112, "'unrecognized_name' (112): it serves no host of this name")]
    [InlineData(80, "'internal_error' (80).")]
    public async Task A_server_s_alert_is_named(byte code, string reason)
    {
        await using var server = new TlsServer(null, afterAccept: async stream =>
        {
            _ = await stream.ReadAsync(new byte[4096]);
            await stream.WriteAsync(new byte[] { 21, 3, 3, 0, 2, 2, code });
        });
        using var upstream = Upstream(server.Port);
        await AssertRefusedAsync(upstream, $"the server ended the handshake with the alert {reason}");
    }

    [Theory]
    [InlineData(OpenSslServer.Tls12, "wants a client certificate (tls.certificateFile and tls.keyFile)")]
    [InlineData(OpenSslServer.Tls13, "'certificate_required' (116): it wants a client certificate that it trusts (tls.certificateFile and tls.keyFile)")]
    public async Task A_client_certificate_that_is_wanted_and_not_there_is_named_whether_the_alert_comes_early_or_late(int version, string reason)
    {
        using var certificate = _authority.Issue("127.0.0.1");
        await using var server = new TlsServer(null, afterAccept: async stream =>
        {
            var socket = ((NetworkStream)stream).Socket;
            Assert.False(await OpenSslServer.TakesAsync(socket, certificate, version));
            socket.Shutdown(SocketShutdown.Send);
            _ = await stream.ReadAtLeastAsync(new byte[1 << 16], 1 << 16, throwOnEndOfStream: false);
        });
        using var upstream = Upstream(server.Port);
        await AssertRefusedAsync(upstream, reason);
    }

    [Fact]
    public async Task A_server_that_closes_inside_the_handshake_is_a_failed_connection()
    {
        await using var server = new TlsServer(null, afterAccept: _ => ValueTask.CompletedTask);
        using var upstream = Upstream(server.Port);
        await AssertRefusedAsync(upstream, "the connection ended inside the handshake");
    }

    [Fact]
    public async Task A_handshake_that_stalls_is_given_up_in_time()
    {
        await using var server = new TlsServer(null, afterAccept: async stream => await stream.ReadAtLeastAsync(new byte[1 << 20], 1 << 20, throwOnEndOfStream: false));
        using var upstream = Upstream(server.Port, options: new HttpUpstreamOptions { ConnectTimeoutMs = 200 });
        await AssertRefusedAsync(upstream, "200 ms", HttpFault.ConnectFailed);
    }

    [Fact]
    public async Task A_client_certificate_is_shown_to_a_server_that_asks()
    {
        await using var server = new TlsServer(_authority.Issue("127.0.0.1"), wantsClient: true);
        using var client = _authority.Issue("client.example");
        var certificate = Path.Combine(_folder, "client.pem");
        var key = Path.Combine(_folder, "client.key");
        await File.WriteAllTextAsync(certificate, client.ExportCertificatePem(), TestContext.Current.CancellationToken);
        using (var ecdsa = client.GetECDsaPrivateKey())
        {
            await File.WriteAllTextAsync(key, ecdsa!.ExportPkcs8PrivateKeyPem(), TestContext.Current.CancellationToken);
        }

        using var upstream = Upstream(server.Port, certificateFile: certificate, keyFile: key);
        Assert.Equal("hello", (await ExchangeAsync(upstream)).Body);
        Assert.Equal("CN=client.example", server.ClientName);
    }

    [Theory]
    [InlineData("missing.pem", "missing.pem")]
    [InlineData("empty.pem", "no certificate")]
    public void A_file_that_holds_no_certificate_is_named(string file, string expected)
    {
        File.WriteAllText(Path.Combine(_folder, "empty.pem"), "nothing");
        var (trust, error) = TlsTrust.Read(Path.Combine(_folder, file), "", "");
        Assert.Null(trust);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelling_closes_a_secure_connection_at_once()
    {
        await using var server = new TlsServer(_authority.Issue("127.0.0.1"), answers: false);
        using var upstream = Upstream(server.Port);
        using var cancel = new CancellationTokenSource();
        var asked = upstream.SendAsync(Post, cancel.Token);
        await server.Asked.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await cancel.CancelAsync();
        Assert.Equal(HttpFault.Cancelled, (await asked).Error.Fault);
        await server.Closed.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Warm_connections_are_open_before_the_first_call()
    {
        await using var server = new TlsServer(_authority.Issue("127.0.0.1"));
        using var upstream = Upstream(server.Port, options: Patient with { WarmConnections = 2 });
        while (upstream.IdleConnections < 2)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.Equal("hello", (await ExchangeAsync(upstream)).Body);
        Assert.Equal(2, server.Accepted);
    }

    private static async Task AssertRefusedAsync(HttpUpstream upstream, string reason, HttpFault fault = HttpFault.TlsFailed)
    {
        var result = await upstream.SendAsync(Post, TestContext.Current.CancellationToken);
        Assert.Equal(fault, result.Error.Fault);
        Assert.Contains(reason, result.Error.Message, StringComparison.Ordinal);
        Assert.Contains(upstream.Target.ToString(), result.Error.Message, StringComparison.Ordinal);
        Assert.Equal(0, upstream.OpenConnections);
    }

    private HttpUpstream Upstream(
        int port, string host = "127.0.0.1", string? caFile = null, string certificateFile = "", string keyFile = "", HttpUpstreamOptions? options = null)
    {
        var (trust, error) = TlsTrust.Read(caFile ?? _authority.WriteRoot(_folder), certificateFile, keyFile);
        Assert.True(trust is not null, error);
        return new HttpUpstream(new NetworkTarget(host, port, Tls: true), new TcpNetwork(trust), TimeProvider.System, options ?? Patient);
    }

    private static async Task<(string Body, HttpFault Fault, string Message)> ExchangeAsync(HttpUpstream upstream)
    {
        var result = await upstream.SendAsync(Post, TestContext.Current.CancellationToken);
        if (result.Response is null)
        {
            return ("", result.Error.Fault, result.Error.Message);
        }

        using var response = result.Response;
        var body = await response.ReadTextAsync();
        return (body, response.Error.Fault, response.Error.Message ?? "");
    }

    /// <summary>Answers every request that comes over TLS; or does something else with a bare connection.</summary>
    private sealed class TlsServer : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly X509Certificate2? _certificate;
        private readonly Func<Stream, ValueTask>? _afterAccept;
        private readonly bool _answers;
        private readonly bool _wantsClient;
        private readonly Task _accepting;
        private int _accepted;

        public TlsServer(X509Certificate2? certificate, Func<Stream, ValueTask>? afterAccept = null, bool answers = true, bool wantsClient = false)
        {
            (_certificate, _afterAccept, _answers, _wantsClient) = (certificate, afterAccept, answers, wantsClient);
            _listener.Start();
            _accepting = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;
        public int Accepted => Volatile.Read(ref _accepted);
        public Task Asked => _asked.Task;
        public Task Closed => _closed.Task;
        public string ClientName { get; private set; } = "";

        public async ValueTask DisposeAsync()
        {
            _listener.Stop();
            await _accepting;
            _certificate?.Dispose();
        }

        private async Task AcceptAsync()
        {
            try
            {
                while (true)
                {
                    var socket = await _listener.AcceptSocketAsync();
                    Interlocked.Increment(ref _accepted);
                    _ = ServeAsync(socket);
                }
            }
            catch (Exception ended) when (ended is SocketException or InvalidOperationException or ObjectDisposedException)
            {
                // The test is over: the listener was stopped while it waited, or between two waits.
            }
        }

        private async Task ServeAsync(Socket socket)
        {
            try
            {
                await using var stream = new NetworkStream(socket, ownsSocket: true);
                if (_certificate is null)
                {
                    await _afterAccept!(stream);
                    return;
                }

                await using var secure = new SslStream(stream);
                await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
                {
                    ServerCertificate = _certificate,
                    ClientCertificateRequired = _wantsClient,
                    RemoteCertificateValidationCallback = (_, shown, _, _) =>
                    {
                        // A test of what the client shows; a client that shows nothing is refused where one is wanted.
                        ClientName = shown?.Subject ?? "";
                        return shown is not null || !_wantsClient;
                    },
                });
                await AnswerAsync(secure);
            }
            catch (Exception gone) when (gone is IOException or System.Security.Authentication.AuthenticationException or ObjectDisposedException)
            {
                // The client left, as some tests want it to.
            }
            finally
            {
                _closed.TrySetResult();
            }
        }

        private async Task AnswerAsync(SslStream secure)
        {
            var buffer = new byte[4096];
            var text = new StringBuilder();
            int read;
            while ((read = await secure.ReadAsync(buffer)) > 0)
            {
                text.Append(Encoding.ASCII.GetString(buffer, 0, read));
                if (!text.ToString().EndsWith("\r\n\r\n{}", StringComparison.Ordinal))
                {
                    continue;
                }

                text.Clear();
                _asked.TrySetResult();
                if (_answers)
                {
                    await secure.WriteAsync("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"u8.ToArray());
                }
            }
        }
    }
}
