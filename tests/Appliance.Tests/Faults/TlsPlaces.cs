using System.Security.Cryptography.X509Certificates;
using Jesus.Tests.Faults;
using Jesus.Tests.Tls;
using Jesus.Transport.Http;

namespace Jesus.Appliance.Tests.Faults;

/// <summary>
/// Servers whose TLS is wrong in one way, beside one whose TLS is right. But for the first three rows the provider trusts an authority of ours by its CA file, so that
/// only what the row says is wrong.
/// </summary>
internal static class TlsPlaces
{
    /// <summary>Alerts (RFC 8446, section 6).</summary>
    private const byte HandshakeFailure = 40;
    private const byte ProtocolVersion = 70;

    private const string Host = "127.0.0.1";

    public static IEnumerable<FaultPlace> All() =>
    [
        new("no TLS", "plain HTTP where TLS was asked for", api => Open(new FaultServer(async connection =>
        {
            _ = await connection.ReceiveOnceAsync();
            await connection.SendAsync("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
        }))),
        new("TLS handshake cut", "the connection is closed inside the handshake", _ => Open(new FaultServer(async connection =>
        {
            await connection.SendAsync(new byte[] { 22, 3, 3, 0, 90, 2 });
            await connection.WaitAsync(20);
        }))),
        new("untrusted certificate", "a certificate that nobody trusts", api =>
        {
            var certificate = SelfSigned.Create();
            return Open(Serving(api, certificate), certificate);
        }),
        Trusting("trusted certificate", "a certificate of an authority that the provider's CA file holds", authority => authority.Issue(Host)),
        Trusting("expired certificate", "its last day is over", authority => authority.Issue(Host, lastDay: -5)),
        Trusting("certificate of the future", "its first day has not come", authority => authority.Issue(Host, firstDay: 5)),
        Trusting("certificate for another", "it is issued for another name", authority => authority.Issue("other.example")),
        Alerting("TLS version refused", "the server ends the handshake with the alert protocol_version", ProtocolVersion),
        Alerting("TLS handshake refused", "the server ends the handshake with the alert handshake_failure", HandshakeFailure),
        Demanding("client certificate wanted, TLS 1.2", "the server demands one, none is configured: an alert inside the handshake", OpenSslServer.Tls12),
        Demanding("client certificate wanted, TLS 1.3", "the same: the alert comes in place of an answer", OpenSslServer.Tls13),
    ];

    private static FaultPlace Trusting(string name, string what, Func<TestAuthority, X509Certificate2> issue) =>
        new(name, what, api => OpenTrusted(issue, certificate => Serving(api, certificate)));

    private static FaultPlace Alerting(string name, string what, byte alert) => new(name, what, api => Open(new FaultServer(async connection =>
    {
        _ = await connection.ReceiveOnceAsync();

        // RFC 8446, sections 5.1 and 6: a record of an alert of 2 bytes, the first of which is "fatal".
        await connection.SendAsync(new byte[] { 21, 3, 3, 0, 2, 2, alert });
        await connection.StallAsync();
    })));

    private static FaultPlace Demanding(string name, string what, int version) => new(name, what, _ => OpenTrusted(
        authority => authority.Issue(Host),
        certificate => new FaultServer(async connection =>
        {
            Assert.False(await connection.TakesClientAsync(certificate, version));
            await connection.StallAsync();
        })));

    private static FaultServer Serving(UpstreamApi api, X509Certificate2 certificate) => new(async connection =>
    {
        await connection.SecureAsync(certificate);
        await api.ServeAsync(connection, FaultScripts.Said);
    });

    private static FaultPlace.Open OpenTrusted(Func<TestAuthority, X509Certificate2> issue, Func<X509Certificate2, FaultServer> serve)
    {
        using var authority = new TestAuthority();
        using var folder = new TemporaryFolder();
        var (trust, error) = TlsTrust.Read(authority.WriteRoot(folder.Path), "", "");
        Assert.Null(error);
        var certificate = issue(authority);
        return Open(serve(certificate), certificate) with { Network = new TcpNetwork(trust) };
    }

    private static FaultPlace.Open Open(FaultServer server, X509Certificate2? certificate = null) => new(new Uri($"https://{Host}:{server.Port}/"), async () =>
    {
        await server.DisposeAsync();
        certificate?.Dispose();
    });
}
