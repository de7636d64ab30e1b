using System.Diagnostics;
using System.Security.Cryptography;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Federation.Totals;
using Jesus.Appliance.Tests.Federation.Membership;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;

namespace Jesus.Appliance.Tests.Federation;

/// <summary>A hub of a box, alone in this process or one of several.</summary>
internal sealed class TestBox : IAsyncDisposable
{
    /// <summary>Only ends a hang.</summary>
    private static readonly TimeSpan HangMax = TimeSpan.FromSeconds(120);

    public TestBox(string peer, string url, int intervalMs = 200, Func<ulong>? dice = null, BoxCounts counts = default, string cluster = "lab",
        Func<FederationOptions, FederationOptions>? shape = null)
    {
        var options = new FederationOptions { Cluster = cluster, Peer = peer, Nats = new Appliance.Federation.NatsServerOptions { Urls = [url] } };
        Hub = new FederationHub(new FederationSetup
        {
            Options = shape?.Invoke(options) ?? options,

            // A dead link is found within a second, and looked for again as soon.
            Nats = new NatsOptions
            {
                Urls = [url],
                InboxPrefix = "_INBOX.jesus." + peer,
                NoEcho = true,
                PingIntervalMs = 300,
                ReconnectDelayMaxMs = 300,
                ConnectTimeoutMs = 1_000,
                HandshakeTimeoutMs = 1_000,
            },
            Network = TcpNetwork.Instance,
            Time = TimeProvider.System,
            Log = Log,
            Version = "1.0",
            Host = "host",
            Models = () => Models,
            Dice = dice ?? (() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8))),
            Counts = () => counts,
            Pace = new StatusPace { IntervalMs = intervalMs },
            TotalsMs = intervalMs,
        });
    }

    public FederationHub Hub { get; }
    public ListLog Log { get; } = new();
    public IReadOnlyList<PeerModelView> Models { get; set; } = [Statuses.Model("m", 1, 2)];

    public static TestBox Start(string peer, string url, int intervalMs = 200, Func<ulong>? dice = null, BoxCounts counts = default, string cluster = "lab")
    {
        var box = new TestBox(peer, url, intervalMs, dice, counts, cluster);
        box.Hub.Start();
        return box;
    }

    public static async Task EventuallyAsync(Func<bool> happened, Func<string> seen)
    {
        for (var waited = Stopwatch.StartNew(); !happened(); await Task.Delay(10, TestContext.Current.CancellationToken))
        {
            Assert.True(waited.Elapsed < HangMax, seen());
        }
    }

    /// <summary>Waits until this box sees a peer so.</summary>
    public Task SeesAsync(string peer, Func<PeerView, bool> so) => EventuallyAsync(
        () => Hub.Peers.Find(peer) is { } view && so(view),
        () => $"{Hub.Self}, {Hub.Detail}, sees {Hub.Peers.Find(peer)}");

    public Task SeesEligibleAsync(params string[] peers) => Task.WhenAll(peers.Select(peer => SeesAsync(peer, view => view.IsEligible)));

    public ValueTask DisposeAsync() => Hub.DisposeAsync();
}
