using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Federation.Totals;
using Jesus.Appliance.Tests.Federation.Membership;
using Jesus.Tests.Nats;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Tests.Federation;

/// <summary>Boxes over a real nats-server.</summary>
public sealed class FederationHubTests
{
    [Fact]
    public async Task Three_boxes_see_each_other_and_one_that_is_cut_off_is_suspect_then_gone_then_back()
    {
        await using var server = await NatsServer.StartAsync();
        await using var proxy = FaultProxy.To(server.Port);
        await using var a = TestBox.Start("a", server.Url);
        await using var b = TestBox.Start("b", server.Url);
        await using var c = TestBox.Start("c", server.UrlOf(proxy.Port));
        await Task.WhenAll(a.SeesEligibleAsync("b", "c"), b.SeesEligibleAsync("a", "c"), c.SeesEligibleAsync("a", "b"));
        var model = Assert.Single(a.Hub.Peers.Find("c")!.Models);
        Assert.Equal(("m", 2), (model.Name, model.PrefixDigests.Length));

        proxy.Partition();
        var states = new List<PeerState>();
        await a.SeesAsync("c", view =>
        {
            states.Add(view.State);
            return view.State == PeerState.Gone;
        });
        Assert.Contains(PeerState.Suspect, states);
        await c.SeesAsync("a", view => view.State == PeerState.Gone);
        await TestBox.EventuallyAsync(() => c.Hub.Detail.Contains("alone", StringComparison.Ordinal), () => c.Hub.Detail);
        Assert.True(b.Hub.Peers.Find("a")!.State == PeerState.Alive);

        proxy.Heal();
        await Task.WhenAll(a.SeesEligibleAsync("b", "c"), c.SeesEligibleAsync("a", "b"));
        await TestBox.EventuallyAsync(() => c.Hub.Detail.Contains("2 of 2 peers", StringComparison.Ordinal), () => c.Hub.Detail);
        Assert.Empty(c.Log.At(LogLevel.Error));
    }

    [Fact]
    public async Task A_box_that_is_killed_is_gone_and_its_next_life_replaces_it()
    {
        await using var server = await NatsServer.StartAsync();
        await using var a = TestBox.Start("a", server.Url);
        ulong first;
        await using (var b = TestBox.Start("b", server.Url))
        {
            await a.SeesEligibleAsync("b");
            first = a.Hub.Peers.Find("b")!.Incarnation;
        }

        await a.SeesAsync("b", view => view.State == PeerState.Gone);
        await using var again = TestBox.Start("b", server.Url);
        await a.SeesAsync("b", view => view.IsEligible && view.Incarnation != first);
        await again.SeesEligibleAsync("a");
        Assert.Single(a.Hub.Peers.Current);
    }

    [Fact]
    public async Task A_box_that_drains_says_so_at_once_and_a_new_one_is_greeted_at_once()
    {
        // The first status comes at once, the next in ten minutes.
        const int interval = 600_000;
        var lives = 0UL;
        ulong Dice() => Interlocked.Increment(ref lives) * interval * 1_000;
        await using var server = await NatsServer.StartAsync();
        await using var a = TestBox.Start("a", server.Url, interval, Dice);
        await TestBox.EventuallyAsync(() => a.Hub.OwnModels.Count == 1, () => a.Hub.Detail);
        await using var b = TestBox.Start("b", server.Url, interval, Dice);
        await Task.WhenAll(a.SeesEligibleAsync("b"), b.SeesEligibleAsync("a"));
        Assert.Equal([1UL, 2UL], b.Hub.Peers.Find("a")!.Models[0].PrefixDigests.ToArray());

        a.Hub.Drain();
        await b.SeesAsync("a", view => view.State == PeerState.Draining && view.WhyNot == Ineligible.Draining);
        await a.Hub.StopAsync(CancellationToken.None);
        Assert.Empty(a.Log.At(LogLevel.Error));
    }

    [Fact]
    public async Task A_box_serves_alone_while_NATS_is_down_and_joins_by_itself()
    {
        await using var server = await NatsServer.StartAsync();
        await server.KillAsync();
        await using var a = TestBox.Start("a", server.Url);
        await using var b = TestBox.Start("b", server.Url);
        await TestBox.EventuallyAsync(() => a.Log.At(LogLevel.Warning).Any(), () => a.Hub.Detail);
        Assert.Contains("serves alone", a.Hub.Detail, StringComparison.Ordinal);
        await server.LaunchAsync();
        await Task.WhenAll(a.SeesEligibleAsync("b"), b.SeesEligibleAsync("a"));

        // Nobody holds the server's end against the others.
        for (var time = 0; time < 3; time++)
        {
            await server.KillAsync();
            await TestBox.EventuallyAsync(() => a.Hub.Peers.Find("b")!.State == PeerState.Gone, () => a.Hub.Detail);
            await server.LaunchAsync();
            await Task.WhenAll(a.SeesEligibleAsync("b"), b.SeesEligibleAsync("a"));
        }

        Assert.Empty(a.Log.At(LogLevel.Error));
        Assert.InRange(a.Log.At(LogLevel.Warning).Count(), 1, 4);
        await TestBox.EventuallyAsync(() => a.Hub.Detail.Contains("1 of 1 peers", StringComparison.Ordinal), () => a.Hub.Detail);
    }

    [Fact]
    public async Task What_is_no_status_or_too_much_is_dropped_and_logged_once()
    {
        await using var server = await NatsServer.StartAsync();
        await using var a = TestBox.Start("a", server.Url);
        await using var b = TestBox.Start("b", server.Url);
        await a.SeesEligibleAsync("b");
        await using var raw = await RawNats.ConnectAsync(server.Port);
        for (var i = 0; i < 500; i++)
        {
            await raw.PublishAsync("jesus.lab.peer.liar.status", "no status");
            await raw.PublishAsync("jesus.lab.telemetry.liar", "no counts");
        }

        await raw.PublishAsync("jesus.lab.peer.big.status", new string('x', PeerLimits.StatusBytesMax + 1));
        await raw.FlushAsync();
        await TestBox.EventuallyAsync(() => a.Log.At(LogLevel.Warning).Count() == 3, () => string.Join('\n', a.Log.Lines));
        Assert.Contains(a.Log.At(LogLevel.Warning), l => l.Contains("big", StringComparison.Ordinal));
        Assert.Equal(2, a.Log.At(LogLevel.Warning).Count(l => l.Contains("liar", StringComparison.Ordinal)));
        Assert.Single(a.Hub.Peers.Current);
        await a.SeesAsync("b", view => view.IsEligible);
    }

    [Fact]
    public async Task Two_boxes_with_one_id_say_so_and_nobody_calls_either()
    {
        await using var server = await NatsServer.StartAsync();
        await using var watcher = TestBox.Start("watcher", server.Url);
        await using var one = TestBox.Start("twin", server.Url);
        await using var two = TestBox.Start("twin", server.Url);
        await watcher.SeesAsync("twin", view => view.WhyNot == Ineligible.DuplicateId);
        await TestBox.EventuallyAsync(() => one.Log.At(LogLevel.Error).Any() && two.Log.At(LogLevel.Error).Any(), () => "no error logged");
        Assert.Contains("federation.peer", Assert.Single(one.Log.At(LogLevel.Error)), StringComparison.Ordinal);
        await TestBox.EventuallyAsync(() => one.Hub.Detail.Contains("same id", StringComparison.Ordinal), () => one.Hub.Detail);
        await two.DisposeAsync();
        await watcher.SeesEligibleAsync("twin");
    }

    [Fact]
    public async Task Any_box_shows_what_all_have_done()
    {
        await using var server = await NatsServer.StartAsync();
        await using var a = TestBox.Start("a", server.Url, counts: new BoxCounts { Calls = 1, InputTokens = 10, MicroUsd = 100 });
        await using var b = TestBox.Start("b", server.Url, counts: new BoxCounts { Calls = 2, Errors = 1, OutputTokens = 20, Runs = 5 });
        await using var c = TestBox.Start("c", server.Url, counts: new BoxCounts { Calls = 3, MicroUsd = 50 });
        foreach (var box in new[] { a, b, c })
        {
            await TestBox.EventuallyAsync(() => box.Hub.Totals.View().Length == 3, () => $"{box.Hub.Totals.View().Length} boxes");
            var sum = box.Hub.Totals.View().Aggregate(default(BoxCounts), (all, one) => all + one.Counts);
            Assert.Equal(new BoxCounts { Calls = 6, Errors = 1, InputTokens = 10, OutputTokens = 20, MicroUsd = 150, Runs = 5 }, sum);
        }
    }

    [Fact]
    public async Task Digests_that_changed_reach_the_peers()
    {
        await using var server = await NatsServer.StartAsync();
        await using var a = TestBox.Start("a", server.Url);
        await using var b = TestBox.Start("b", server.Url);
        await b.SeesEligibleAsync("a");
        a.Models = [Statuses.Model("m", 7, 8, 9), Statuses.Model("n")];
        await b.SeesAsync("a", view => view.Models.Count == 2 && view.Models[0].HasPrefix(8));
        a.Models = [Statuses.Model("n")];
        await b.SeesAsync("a", view => view.Find("m") is null && view.Find("n") is not null);
    }

    [Fact]
    public async Task Another_cluster_on_the_same_server_is_not_heard()
    {
        await using var server = await NatsServer.StartAsync();
        await using var a = TestBox.Start("a", server.Url);
        await using var other = TestBox.Start("b", server.Url, cluster: "other");
        await using var late = TestBox.Start("late", server.Url, cluster: "other");
        await other.SeesEligibleAsync("late");
        await using var b = TestBox.Start("b", server.Url);
        await a.SeesEligibleAsync("b");
        Assert.Equal(["b"], a.Hub.Peers.Current.Select(p => p.Id));
        Assert.DoesNotContain(a.Log.Lines, l => l.Level >= LogLevel.Warning);
    }
}
