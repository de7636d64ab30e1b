namespace Jesus.Tests.Nats;

/// <summary>Where a server stands in a cluster.</summary>
/// <param name="Cluster">The cluster's name.</param>
/// <param name="Routes">Ports of every server's routes, its own among them.</param>
internal sealed record NatsClusterPlace(string Cluster, IReadOnlyList<int> Routes);

/// <summary>Three (or more) servers that are one to their clients; with JetStream they elect leaders and keep replicas.</summary>
internal sealed class NatsCluster : IAsyncDisposable
{
    /// <summary>As in <see cref="NatsServer.StartAsync"/>.</summary>
    private const int StartsMax = 5;

    private NatsCluster(NatsServer[] servers) => Servers = servers;

    public IReadOnlyList<NatsServer> Servers { get; }

    public string[] Urls => [.. Servers.Select(s => s.Url)];

    /// <param name="options">For each; the names get a number.</param>
    public static async Task<NatsCluster> StartAsync(NatsServerOptions? options = null, int size = 3)
    {
        NatsServer.SkipIfMissing();
        for (var start = 1; ; start++)
        {
            var cluster = Plan(options ?? new NatsServerOptions(), size);
            try
            {
                await Task.WhenAll(cluster.Servers.Select(s => s.BeginAsync()));
                await Task.WhenAll(cluster.Servers.Select(s => s.WaitUntilReadyAsync()));
                await cluster.WaitForRoutesAsync();
                return cluster;
            }
            catch (Exception) when (start < StartsMax && cluster.Servers.Any(s => s.PortWasTaken))
            {
                await cluster.DisposeAsync();
            }
            catch
            {
                await cluster.DisposeAsync();
                throw;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in Servers)
        {
            await server.DisposeAsync();
        }
    }

    private static NatsCluster Plan(NatsServerOptions options, int size)
    {
        var ports = Enumerable.Range(0, size).Select(_ => NatsPorts.Choose()).ToArray();
        var place = new NatsClusterPlace("tests", [.. ports.Select(p => p.Cluster)]);
        return new NatsCluster([.. ports.Select((p, i) => NatsServer.InCluster(options with { Name = $"{options.Name}-{i + 1}" }, p, place))]);
    }

    /// <summary>Each sees every other, so that a message of one reaches the clients of all.</summary>
    private async Task WaitForRoutesAsync()
    {
        foreach (var server in Servers)
        {
            for (var tries = 0; tries < 1_000; tries++)
            {
                using var page = await server.MonitorAsync("/routez");
                if (page.RootElement.GetProperty("num_routes").GetInt32() >= Servers.Count - 1)
                {
                    break;
                }

                await Task.Delay(20);
            }
        }
    }
}
