using System.Security.Cryptography.X509Certificates;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Faults;

/// <summary>Where a fault happens: a server of ours, or the way to one.</summary>
internal sealed record FaultPlace(string Name, string What, Func<UpstreamApi, FaultPlace.Open> Make)
{
    public static IReadOnlyList<FaultPlace> All { get; } = [.. BeforeTheRequest(), .. FaultScripts.All.Select(Scripted)];

    /// <summary>An address and what stands behind it.</summary>
    internal sealed record Open(Uri Url, Func<ValueTask> Close) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Close();
    }

    private static IEnumerable<FaultPlace> BeforeTheRequest() =>
    [
        new("connection refused", "nobody listens", _ => new Open(Plain(FaultServer.RefusingPort()), () => default)),
        new("connection never made", "the server's queue is full: no answer to a SYN", _ =>
        {
            var hole = new BlackHole();
            return new Open(Plain(hole.Port), () =>
            {
                hole.Dispose();
                return default;
            });
        }),
        new("no TLS", "plain HTTP where TLS was asked for", api =>
        {
            var server = FaultServer.Saying(api, FaultScripts.Said);
            return new Open(Secure(server.Port), server.DisposeAsync);
        }),
        new("untrusted certificate", "a certificate that nobody trusts", api =>
        {
            X509Certificate2 certificate = SelfSigned.Create();
            var server = new FaultServer(async connection =>
            {
                await connection.SecureAsync(certificate);
                await api.ServeAsync(connection, FaultScripts.Said);
            });
            return new Open(Secure(server.Port), async () =>
            {
                await server.DisposeAsync();
                certificate.Dispose();
            });
        }),
    ];

    private static FaultPlace Scripted(Fault fault) => new(fault.Name, fault.What, api =>
    {
        var server = FaultServer.Of(api, fault);
        return new Open(Plain(server.Port), server.DisposeAsync);
    });

    private static Uri Plain(int port) => new($"http://127.0.0.1:{port}/");

    private static Uri Secure(int port) => new($"https://127.0.0.1:{port}/");
}
