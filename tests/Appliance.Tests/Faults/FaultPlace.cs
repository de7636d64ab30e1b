using System.Net;
using Jesus.Tests.Faults;
using Jesus.Transport.Http;

namespace Jesus.Appliance.Tests.Faults;

/// <summary>Where a fault happens: a server of ours, or the way to one.</summary>
internal sealed record FaultPlace(string Name, string What, Func<UpstreamApi, FaultPlace.Open> Make)
{
    public static IReadOnlyList<FaultPlace> All { get; } = [.. BeforeTheRequest(), .. TlsPlaces.All(), .. OnReuse(), .. FaultScripts.All.Select(Scripted)];

    /// <summary>The fault meets the second call, which finds the connection that a good first one left.</summary>
    public bool IsOnReuse { get; init; }

    /// <summary>An address and what stands behind it.</summary>
    internal sealed record Open(Uri Url, Func<ValueTask> Close) : IAsyncDisposable
    {
        /// <summary>The way there, with what its provider trusts.</summary>
        public INetwork Network { get; init; } = TcpNetwork.Instance;

        public ValueTask DisposeAsync() => Close();
    }

    private static IEnumerable<FaultPlace> BeforeTheRequest() =>
    [
        new("connection refused", "nobody listens", _ =>
        {
            var port = FaultServer.Refusing();
            return new Open(Plain(((IPEndPoint)port.LocalEndPoint!).Port), () =>
            {
                port.Dispose();
                return default;
            });
        }),
        new("connection never made", "the server's queue is full: no answer to a SYN", _ =>
        {
            var hole = new BlackHole();
            return new Open(Plain(hole.Port), () =>
            {
                hole.Dispose();
                return default;
            });
        }),
        new("reset inside the request", "the connection is reset while the request is read", api =>
        {
            var server = new FaultServer(async connection =>
            {
                _ = await connection.ReceiveOnceAsync();
                connection.Reset();
            });
            return new Open(Plain(server.Port), server.DisposeAsync);
        }),
    ];

    private static IEnumerable<FaultPlace> OnReuse() =>
    [
        new("closed between calls", "the kept connection was closed while nobody used it", api =>
            Then(api, _ => Task.CompletedTask)) { IsOnReuse = true },
        new("closed as it is reused", "the kept connection is closed in place of an answer to its second request", api =>
            Then(api, async connection => _ = await connection.ReadRequestAsync())) { IsOnReuse = true },
        new("reset as it is reused", "the kept connection is reset in place of an answer to its second request", api =>
            Then(api, async connection =>
            {
                _ = await connection.ReadRequestAsync();
                connection.Reset();
            })) { IsOnReuse = true },
    ];

    /// <summary>The first connection answers once and then does this; others answer.</summary>
    private static Open Then(UpstreamApi api, Func<FaultConnection, Task> then)
    {
        var server = new FaultServer(
            async connection =>
            {
                _ = await connection.ReadRequestAsync();
                await api.AnswerAsync(connection, FaultScripts.Said, StatedUsage.Usual);
                await then(connection);
            },
            connection => api.ServeAsync(connection, FaultScripts.Said));
        return new Open(Plain(server.Port), server.DisposeAsync);
    }

    private static FaultPlace Scripted(Fault fault) => new(fault.Name, fault.What, api =>
    {
        var server = FaultServer.Of(api, fault);
        return new Open(Plain(server.Port), server.DisposeAsync);
    });

    private static Uri Plain(int port) => new($"http://127.0.0.1:{port}/");
}

