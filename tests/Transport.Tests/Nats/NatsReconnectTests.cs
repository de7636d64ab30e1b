using Jesus.Tests.Nats;
using Jesus.Transport.Nats;

namespace Jesus.Transport.Tests.Nats;

/// <summary>What becomes of a connection whose server or network fails.</summary>
public sealed class NatsReconnectTests
{
    [Fact]
    public async Task A_server_that_is_down_at_first_is_no_error()
    {
        await using var server = await NatsServer.StartAsync();
        await server.KillAsync();
        var witness = new Witness();
        await using var client = Client.Start(Client.Options(server.Url), witness);
        await using var subscription = client.Subscribe(Client.Subject("a"));
        Assert.Equal(NatsResult.Ok, await client.PublishAsync(Client.Subject("a"), Client.Bytes("early")));
        Assert.Equal("Disconnected", await Client.AskAsync(client, "a", ""));
        Assert.Equal(NatsResult.Disconnected, await client.FlushAsync());
        Assert.False(await client.WaitConnectedAsync(TimeSpan.FromMilliseconds(1), default));
        await witness.HearsAsync(NatsEventKind.ConnectFailed);
        Assert.Equal(NatsState.Connecting, client.State);
        await server.LaunchAsync();
        Assert.True(await client.WaitConnectedAsync(Client.Patience, default));
        Assert.Equal("early", await Client.NextTextAsync(subscription));
        Assert.Equal(1, witness.Count(NatsEventKind.ConnectFailed));
    }

    [Fact]
    public async Task After_a_kill_and_a_restart_subscriptions_hear_what_was_published_meanwhile()
    {
        await using var server = await NatsServer.StartAsync();
        var witness = new Witness();
        await using var client = await Client.ConnectAsync(Client.Options(server.Url), witness);
        await using var subscription = client.Subscribe(Client.Subject("log"));
        await using var limited = client.Subscribe(Client.Subject("log"), options: new NatsSubscriptionOptions { MessagesMax = 12 });
        for (var round = 0; round < 3; round++)
        {
            await client.PublishAsync(Client.Subject("log"), Client.Bytes($"{round} up"));
            Assert.Equal($"{round} up", await Client.NextTextAsync(subscription));
            await server.KillAsync();
            await witness.HearsAsync(NatsEventKind.Disconnected, round + 1);
            Assert.Equal(NatsState.Reconnecting, client.State);
            for (var i = 0; i < 5; i++)
            {
                Assert.Equal(NatsResult.Ok, await client.PublishAsync(Client.Subject("log"), Client.Bytes($"{round} down {i}")));
            }

            await server.LaunchAsync();
            for (var i = 0; i < 5; i++)
            {
                Assert.Equal($"{round} down {i}", await Client.NextTextAsync(subscription));
            }
        }

        // The server was told again how many were left: 12 in all, of 18.
        await client.FlushAsync();
        Assert.True(limited.HasEnded);
        Assert.Equal(12, limited.Delivered);
        Assert.Equal(4, client.Statistics.Connects);
    }

    [Fact]
    public async Task While_disconnected_publishes_wait_up_to_a_limit_and_then_say_so()
    {
        await using var server = await NatsServer.StartAsync();
        var witness = new Witness();
        await using var client = await Client.ConnectAsync(Client.Options(server.Url) with { PendingBytesMax = 10_000 }, witness);
        await using var subscription = client.Subscribe(Client.Subject("a"));
        await client.FlushAsync();
        await server.KillAsync();
        await witness.HearsAsync(NatsEventKind.Disconnected);
        var kept = 0;
        while (await client.PublishAsync(Client.Subject("a"), Client.Bytes($"{kept}")) is var result && result != NatsResult.Disconnected)
        {
            Assert.Equal(NatsResult.Ok, result);
            kept++;
        }

        Assert.InRange(kept, 100, 1_000);
        Assert.InRange(client.Statistics.PendingBytes, 1, 10_000);
        await server.LaunchAsync();
        for (var i = 0; i < kept; i++)
        {
            Assert.Equal($"{i}", await Client.NextTextAsync(subscription));
        }

        await client.FlushAsync();
        Assert.Equal(0, subscription.Pending);
    }

    [Fact]
    public async Task Requests_under_way_end_as_disconnected_when_the_server_is_killed()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var silent = client.Subscribe(Client.Subject("silent"));
        var asking = Enumerable.Range(0, 100).Select(_ => Client.AskAsync(client, "silent", "")).ToArray();
        await Client.EventuallyAsync(() => silent.Delivered == 100, "all asked");
        var flushing = client.FlushAsync().AsTask();
        await server.KillAsync();
        Assert.All(await Task.WhenAll(asking), status => Assert.Equal("Disconnected", status));
        Assert.True(await flushing is NatsResult.Ok or NatsResult.Disconnected);
        Assert.Equal(0, client.Statistics.RequestsOpen);
    }

    /// <summary>Known of another client: what was being written when the link broke goes on, in the middle of a frame, on the next.</summary>
    [Fact]
    public async Task However_a_link_is_cut_the_server_never_sees_half_a_frame()
    {
        await using var server = await NatsServer.StartAsync();
        await using var proxy = FaultProxy.To(server.Port);
        await using var witness = await RawNats.ConnectAsync(server.Port);
        await witness.SubscribeAsync("torn.>");
        await witness.FlushAsync();
        await using var client = await Client.ConnectAsync(Client.Options(Client.UrlOf(proxy.Port)) with { PendingBytesMax = 1 << 20 });
        var payload = Client.Bytes(new string('x', 3_000));
        var published = 0;
        for (var cut = 0; cut < 25; cut++)
        {
            proxy.CutAfter(FaultWay.ToServer, 500 + (cut * 1_237));
            var connects = client.Statistics.Connects;
            while (client.Statistics.Connects == connects)
            {
                published += await client.PublishAsync(Client.Subject($"torn.{cut}"), payload) == NatsResult.Ok ? 1 : 0;
                if (published % 50 == 0)
                {
                    await Task.Delay(1);
                }

                // A link cut before CONNECT was through makes no connection: the limit is lifted so that one comes.
                if (!(client.State == NatsState.Connected) && proxy.ToServer.Budget <= 0)
                {
                    proxy.CutNever();
                }
            }

            proxy.CutNever();
            Assert.True(await client.WaitConnectedAsync(Client.Patience, default));
        }

        while (await client.FlushAsync() != NatsResult.Ok)
        {
            await Task.Delay(10);
        }

        await witness.FlushAsync();
        var heard = 0;
        while (witness.TryNext(out var message))
        {
            heard++;
            Assert.Equal(3_000, message.Payload.Length);
            Assert.All(message.Payload, b => Assert.Equal((byte)'x', b));
        }

        Assert.DoesNotContain("parser error", server.Log, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("unknown protocol", server.Log, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(26, client.Statistics.Connects);
        Assert.InRange(heard, 1, published);
        TestContext.Current.TestOutputHelper?.WriteLine($"{published} published, {heard} heard, {client.Statistics.PublishesLost} known to be lost");
    }

    [Fact]
    public async Task A_link_that_falls_silent_is_found_and_replaced()
    {
        await using var server = await NatsServer.StartAsync();
        await using var dead = FaultProxy.To(server.Port);
        await using var alive = FaultProxy.To(server.Port);
        var witness = new Witness();
        await using var client = await Client.ConnectAsync(Client.Options(Client.UrlOf(dead.Port)) with { PingIntervalMs = 100, HandshakeTimeoutMs = 1_000 }, witness);
        await using var subscription = client.Subscribe(Client.Subject("echo"));
        var echo = Client.EchoAsync(client, subscription);
        Assert.Equal("1", await Client.AskAsync(client, "echo", "1"));
        dead.Partition();
        Assert.Equal("Disconnected", await Client.AskAsync(client, "echo", "2"));
        await witness.HearsAsync(NatsEventKind.Disconnected);
        Assert.Contains(witness.All, e => e.Kind == NatsEventKind.Disconnected && e.Detail.Contains("nothing was heard", StringComparison.Ordinal));
        await witness.HearsAsync(NatsEventKind.ConnectFailed);
        dead.Heal();
        await Client.EventuallyAsync(() => client.State == NatsState.Connected, "connected again");
        await AnswersAgainAsync(client, "3");
    }

    [Fact]
    public async Task A_server_that_is_frozen_is_left_and_found_again()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(Client.Options(server.Url) with { PingIntervalMs = 100, HandshakeTimeoutMs = 500 });
        await using var subscription = client.Subscribe(Client.Subject("echo"));
        var echo = Client.EchoAsync(client, subscription);
        server.Freeze();
        try
        {
            await Client.EventuallyAsync(() => client.State == NatsState.Reconnecting && client.Statistics.ConnectFailures > 0, "left");
        }
        finally
        {
            server.Thaw();
        }

        await Client.EventuallyAsync(() => client.State == NatsState.Connected, "connected again");
        await AnswersAgainAsync(client, "still here");
    }

    [Fact]
    public async Task Disposing_ends_at_once_wherever_the_connection_stands()
    {
        await using var server = await NatsServer.StartAsync();
        await using var proxy = FaultProxy.To(server.Port);
        await using var down = await NatsServer.StartAsync();
        await down.KillAsync();

        // Never started; refused over and over; never answered; connected; with a server that takes nothing while bytes wait; twice, at once.
        await new NatsConnection(Client.Options(server.Url), Transport.Http.TcpNetwork.Instance, TimeProvider.System).DisposeAsync();
        await Client.Start(Client.Options(down.Url) with { ReconnectDelayMinMs = 60_000, ReconnectDelayMaxMs = 60_000 }).DisposeAsync();
        await (await Client.ConnectAsync(server.Url)).DisposeAsync();
        var client = await Client.ConnectAsync(Client.UrlOf(proxy.Port));
        proxy.Partition();
        var unanswered = Client.Start(Client.Options(Client.UrlOf(proxy.Port)));
        await Client.EventuallyAsync(() => proxy.Open >= 2, "taken by the proxy");
        await unanswered.DisposeAsync();
        var subscription = client.Subscribe(Client.Subject("a"));
        var waiting = subscription.WaitToReadAsync().AsTask();
        var asking = Client.AskAsync(client, "a", "");
        var publishing = Enumerable.Range(0, 64).Select(_ => client.PublishAsync(Client.Subject("a"), new byte[1_000_000]).AsTask()).ToArray();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () => await client.DisposeAsync())));
        Assert.False(await waiting);
        Assert.Equal("Disconnected", await asking);
        Assert.All(await Task.WhenAll(publishing), result => Assert.True(result is NatsResult.Ok or NatsResult.Closed or NatsResult.Disconnected, result.ToString()));
        Assert.Equal(NatsState.Closed, client.State);
    }

    [Fact]
    public async Task A_client_goes_to_the_servers_that_the_cluster_names()
    {
        await using var cluster = await NatsCluster.StartAsync();
        var witness = new Witness();
        await using var client = await Client.ConnectAsync(Client.Options(cluster.Servers[0].Url), witness);
        await witness.HearsAsync(NatsEventKind.ServersDiscovered);
        Assert.Equal(3, witness.All.Last(e => e.Kind == NatsEventKind.ServersDiscovered).Count);
        await using var other = await Client.ConnectAsync(Client.Options(cluster.Servers[2].Url));
        await using var subscription = client.Subscribe(Client.Subject("echo"));
        var echo = Client.EchoAsync(client, subscription);
        await client.FlushAsync();
        await AnswersAgainAsync(other, "before");
        await cluster.Servers[0].KillAsync();
        await witness.HearsAsync(NatsEventKind.Disconnected);
        await Client.EventuallyAsync(() => client.State == NatsState.Connected, "connected again");
        Assert.NotEqual(cluster.Servers[0].Port.ToString(null, null), client.Server!.Address.Split(':')[1]);
        await AnswersAgainAsync(other, "after");
    }

    [Fact]
    public async Task A_server_that_is_about_to_stop_is_left_once_requests_have_their_answers()
    {
        await using var cluster = await NatsCluster.StartAsync(size: 2);
        var witness = new Witness();
        await using var client = await Client.ConnectAsync(Client.Options(cluster.Servers[0].Url), witness);
        await witness.HearsAsync(NatsEventKind.ServersDiscovered);
        await using var other = await Client.ConnectAsync(Client.Options(cluster.Servers[1].Url));
        await using var subscription = other.Subscribe(Client.Subject("slow"));
        await other.FlushAsync();
        var asking = AskUntilHeardAsync(client, other, subscription);
        using (var question = await Client.NextAsync(subscription))
        {
            cluster.Servers[0].LameDuck();
            await witness.HearsAsync(NatsEventKind.LameDuck);
            await other.PublishAsync(question.ReplyTo, Client.Bytes("in time"));
        }

        Assert.Equal("in time", await asking);
        await witness.HearsAsync(NatsEventKind.Disconnected);
        await Client.EventuallyAsync(() => client.State == NatsState.Connected && client.Server!.Name == cluster.Servers[1].Options.Name, "with the other server");
        await cluster.Servers[0].WaitForExitAsync();
        Assert.Equal(NatsState.Connected, client.State);
    }

    // Interest takes a moment to spread through a cluster: until then nobody listens.
    private static async Task<string> AskUntilHeardAsync(NatsConnection asker, NatsConnection answerer, NatsSubscription subscription)
    {
        string answer;
        do
        {
            answer = await Client.AskAsync(asker, subscription.Subject.ToString(), "?");
        }
        while (answer == "NoResponders" && answerer.State == NatsState.Connected);
        return answer;
    }

    private static Task AnswersAgainAsync(NatsConnection client, string word) => Task.Run(async () =>
    {
        string answer;
        do
        {
            answer = await Client.AskAsync(client, "echo", word);
        }
        while (answer is "NoResponders" or "Disconnected");
        Assert.Equal(word, answer);
    });
}
