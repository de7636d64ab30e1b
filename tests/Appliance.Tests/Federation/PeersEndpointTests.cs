using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Config;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Federation.Totals;
using Jesus.Appliance.Host;
using Jesus.Appliance.Security;
using Jesus.Appliance.Telemetry;
using Jesus.Appliance.Tests.Gateway;
using Jesus.Tests.Nats;

namespace Jesus.Appliance.Tests.Federation;

/// <summary>What people and their tools see of the federation.</summary>
public sealed class PeersEndpointTests
{
    [Fact]
    public async Task A_box_in_no_federation_says_so()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var answer = JsonDocument.Parse(await gateway.Http.GetStringAsync("/api/v1/peers", TestContext.Current.CancellationToken));
        Assert.False(answer.RootElement.GetProperty("enabled").GetBoolean());
        Assert.Equal(0, answer.RootElement.GetProperty("peers").GetArrayLength());
        gateway.Roles = Roles.Models;
        Assert.Equal(HttpStatusCode.Forbidden, (await gateway.Http.GetAsync("/api/v1/peers", TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public async Task Peers_are_shown_with_age_models_totals_and_why_they_are_not_eligible()
    {
        await using var server = await NatsServer.StartAsync();
        await using var a = TestBox.Start("a", server.Url, counts: new BoxCounts { Calls = 1 });
        await using var b = TestBox.Start("b", server.Url, counts: new BoxCounts { Calls = 2 });
        await using var c = TestBox.Start("c", server.Url);
        await a.SeesEligibleAsync("b", "c");
        await TestBox.EventuallyAsync(() => a.Hub.Totals.View().Length == 3, () => "no totals");
        c.Hub.Drain();
        await a.SeesAsync("c", view => !view.IsEligible);
        await using var gateway = await GatewayFixture.StartAsync(federation: a.Hub);
        using var answer = JsonDocument.Parse(await gateway.Http.GetStringAsync("/api/v1/peers", TestContext.Current.CancellationToken));
        var root = answer.RootElement;
        Assert.Equal(
            ("lab", "a", "connected"),
            (root.GetProperty("cluster").GetString(), root.GetProperty("peer").GetString(), root.GetProperty("nats").GetProperty("state").GetString()));
        var peers = root.GetProperty("peers").EnumerateArray().ToList();
        Assert.Equal(["b", "c"], peers.Select(p => p.GetProperty("id").GetString()));
        Assert.True(peers[0].GetProperty("eligible").GetBoolean());
        Assert.True(peers[0].GetProperty("age_ms").GetInt64() >= 0);
        Assert.Equal("it is draining", peers[1].GetProperty("why_not").GetString());
        var model = Assert.Single(peers[0].GetProperty("models").EnumerateArray());
        Assert.Equal(
            (4096, 2, 20),
            (model.GetProperty("context_tokens").GetInt32(), model.GetProperty("warm_prefixes").GetInt32(), model.GetProperty("delay_ms").GetProperty("agent").GetInt32()));
        Assert.Equal((3, 3), (root.GetProperty("totals").GetProperty("boxes").GetInt32(), root.GetProperty("totals").GetProperty("calls").GetInt32()));
    }

    [Fact]
    public async Task Metrics_name_peers_and_the_connection()
    {
        await using var server = await NatsServer.StartAsync();
        await using var b = TestBox.Start("metric-b", server.Url);
        await using var a = TestBox.Start("metric-a", server.Url);
        await a.SeesEligibleAsync("metric-b");
        using var metrics = new MetricsText(TimeProvider.System, "test");

        // Another test's hub may be the one that is watched.
        var text = "";
        await TestBox.EventuallyAsync(
            () =>
            {
                FederationMetrics.Watch(a.Hub);
                text = Scrape(metrics);
                return text.Contains("jesus_peer_up{peer=\"metric-b\"} 1\n", StringComparison.Ordinal)
                    && text.Contains("jesus_peer_statuses_total{outcome=\"taken\"}", StringComparison.Ordinal);
            },
            () => text);
        foreach (var name in new[]
        {
            "jesus_peer_eligible{", "jesus_peer_status_age_seconds{", "jesus_peers{state=\"alive\"}", "jesus_nats_up ", "jesus_nats_reconnects_total ",
            "jesus_nats_bytes_total{direction=\"in\"}",
            "jesus_nats_messages_total{direction=\"out\"}", "jesus_nats_dropped_total ", "jesus_nats_connect_failures_total ", "jesus_nats_pending_bytes ",
        })
        {
            Assert.Contains(name, text, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("env:NO_SUCH_VARIABLE_OF_THE_TESTS", "", "federation.nats.password")]
    [InlineData("", "/no/such/file.pem", "federation.nats.tls")]
    public async Task A_box_that_cannot_read_what_it_needs_serves_alone_and_says_why(string password, string ca, string named)
    {
        using var folder = new TemporaryFolder();
        using var log = new MemoryStream();
        using var hub = new LogHub(new LogOptions { Format = LogFormat.Text }, log, isTerminal: false, TimeProvider.System);
        var config = new ApplianceConfig
        {
            Federation = new FederationOptions
            {
                Nats = new Appliance.Federation.NatsServerOptions { Urls = ["nats://127.0.0.1:1"], User = "u", Password = password, Tls = new NatsTrustOptions { CaFile = ca } },
            },
        };
        await using var rooms = Rooms.Open(new ServeSettings(null, folder.Path, null, null), config, hub, "test");
        Assert.Null(rooms.Federation);
        rooms.Join();
        rooms.Drain();
        var (_, parts) = rooms.Readiness.Snapshot();
        var part = Assert.Single(parts, p => p.Part == "federation");
        Assert.True(part.Ready);
        Assert.Contains(named, part.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_NATS_nothing_of_it_runs_and_nothing_is_said()
    {
        using var folder = new TemporaryFolder();
        using var log = new MemoryStream();
        using var hub = new LogHub(new LogOptions(), log, isTerminal: false, TimeProvider.System);
        await using (var rooms = Rooms.Open(new ServeSettings(null, folder.Path, null, null), new ApplianceConfig(), hub, "test"))
        {
            rooms.Start();
            rooms.Join();
            Assert.Null(rooms.Federation);
            Assert.DoesNotContain(rooms.Readiness.Snapshot().Parts, p => p.Part == "federation");
            rooms.Drain();
        }

        hub.Dispose();

        var said = Encoding.UTF8.GetString(log.ToArray());
        Assert.DoesNotContain("ederation", said, StringComparison.Ordinal);
        Assert.DoesNotContain("NATS", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_box_joins_with_the_configuration_of_a_user_and_shows_it_in_readiness()
    {
        await using var server = await NatsServer.StartAsync(new() { Auth = "authorization { user: box, password: \"geheim-7\" }" });
        using var folder = new TemporaryFolder();
        var secret = Path.Combine(folder.Path, "password");
        await File.WriteAllTextAsync(secret, "geheim-7\n", TestContext.Current.CancellationToken);
        using var log = new LogHub(new LogOptions { Format = LogFormat.Text }, Stream.Null, isTerminal: false, TimeProvider.System);
        var config = new ApplianceConfig
        {
            Federation = new FederationOptions
            {
                Cluster = "lab",
                Peer = "whole",
                Nats = new Appliance.Federation.NatsServerOptions { Urls = [server.Url], User = "box", Password = "file:" + secret },
            },
        };
        await using var rooms = Rooms.Open(new ServeSettings(null, Path.Combine(folder.Path, "state"), null, null), config, log, "test");
        rooms.Join();
        await TestBox.EventuallyAsync(
            () => rooms.Readiness.Snapshot().Parts.Any(p => p.Part == "federation" && p.Ready && p.Detail.Contains("connected as lab/whole", StringComparison.Ordinal)),
            () => string.Join('\n', rooms.Readiness.Snapshot().Parts));
        rooms.Drain();
        await rooms.StopAsync(CancellationToken.None);
    }

    private static string Scrape(MetricsText metrics)
    {
        var output = new ArrayBufferWriter<byte>();
        metrics.Write(output, openMetrics: false);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
