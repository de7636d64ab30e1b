using Jesus.Tests.Nats;
using Jesus.Transport.Nats;

namespace Jesus.Transport.Tests.Nats;

/// <summary>Who is slow waits or loses, by a limit and by number; nobody else does.</summary>
public sealed class NatsBackpressureTests
{
    [Fact]
    public async Task A_subscriber_that_does_not_read_loses_by_number_and_is_told_of_once_an_episode()
    {
        await using var server = await NatsServer.StartAsync();
        var witness = new Witness();
        await using var client = await Client.ConnectAsync(Client.Options(server.Url), witness);
        await using var slow = client.Subscribe(Client.Subject("flood"), options: new NatsSubscriptionOptions { PendingMessagesMax = 10 });
        await using var quick = client.Subscribe(Client.Subject("flood"));
        for (var episode = 1; episode <= 2; episode++)
        {
            for (var i = 0; i < 100; i++)
            {
                await client.PublishAsync(Client.Subject("flood"), Client.Bytes($"{i}"));
            }

            await client.FlushAsync();
            Assert.Equal((10, 90 * episode), (slow.Pending, slow.Dropped));
            await witness.HearsAsync(NatsEventKind.SlowConsumer, episode);
            for (var i = 0; i < 10; i++)
            {
                Assert.Equal($"{i}", await Client.NextTextAsync(slow));
            }
        }

        Assert.Equal((200, 0, 180), (quick.Pending, quick.Dropped, client.Statistics.Dropped));
        Assert.Equal(2, witness.Count(NatsEventKind.SlowConsumer));
        Assert.Equal("flood", witness.All.First(e => e.Kind == NatsEventKind.SlowConsumer).Detail);
    }

    [Fact]
    public async Task A_limit_in_bytes_is_kept_too_and_large_messages_count_against_it()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var slow = client.Subscribe(Client.Subject("flood"), options: new NatsSubscriptionOptions { PendingBytesMax = 1_000_000 });
        for (var i = 0; i < 10; i++)
        {
            await client.PublishAsync(Client.Subject("flood"), new byte[300_000]);
        }

        await client.FlushAsync();
        Assert.Equal((3, 7), (slow.Pending, slow.Dropped));
        Assert.Equal(NatsState.Connected, client.State);
    }

    /// <summary>Known of another client: one subscriber that blocks holds up everybody's answers.</summary>
    [Fact]
    public async Task Subscribers_and_requesters_that_block_their_thread_hold_up_nobody()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        using var release = new ManualResetEventSlim();
        using var blocked = new CountdownEvent(12);
        var blocking = Enumerable.Range(0, 6).Select(i => BlockAsync(client, i, release, blocked)).ToArray();
        await using var subscription = client.Subscribe(Client.Subject("echo"));
        var echo = Client.EchoAsync(client, subscription);

        // On the pool: an answer that is there before it is waited for would block the test itself.
        var requesters = Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
        {
            await Client.AskAsync(client, "echo", "x").ConfigureAwait(false);
            blocked.Signal();
            release.Wait();
        })).ToArray();
        for (var i = 0; i < 6; i++)
        {
            await client.PublishAsync(Client.Subject($"block.{i}"), default);
        }

        // All twelve sit on a thread each. The others are answered all the same, one by one.
        await Client.EventuallyAsync(() => blocked.IsSet, "blocked");
        for (var i = 0; i < 50; i++)
        {
            Assert.Equal($"{i}", await Client.AskAsync(client, "echo", $"{i}"));
        }

        release.Set();
        await Task.WhenAll([.. blocking, .. requesters]);
    }

    [Fact]
    public async Task A_requester_may_wait_for_another_answer_without_leaving_its_thread()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var subscription = client.Subscribe(Client.Subject("echo"));
        var echo = Client.EchoAsync(client, subscription);
        await Task.Run(() => AskFromInsideAnAnswerAsync(client));
    }

    // The second wait blocks the thread on which the first answer was handed over.
    private static async Task AskFromInsideAnAnswerAsync(NatsConnection client)
    {
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal("first", await Client.AskAsync(client, "echo", "first").ConfigureAwait(false));
            Assert.Equal("second", Client.AskAsync(client, "echo", "second").GetAwaiter().GetResult());
        }
    }

    /// <summary>Known of another client: publishers of many threads wait for each other for ever once the buffer is full.</summary>
    [Fact]
    public async Task Many_publishers_through_a_small_buffer_and_a_slow_link_all_get_through_in_order()
    {
        await using var server = await NatsServer.StartAsync();
        await using var proxy = FaultProxy.To(server.Port);
        await using var witness = await RawNats.ConnectAsync(server.Port);
        await witness.SubscribeAsync("many.*");
        await witness.FlushAsync();
        await using var client = await Client.ConnectAsync(Client.Options(Client.UrlOf(proxy.Port)) with { PendingBytesMax = 4_000, PublishTimeoutMs = 90_000 });
        proxy.ToServer.Close();
        const int Publishers = 32, Each = 100;
        var publishing = Enumerable.Range(0, Publishers).Select(publisher => Task.Run(async () =>
        {
            var payload = new byte[1_000];
            for (var i = 0; i < Each; i++)
            {
                BitConverter.TryWriteBytes(payload, i);
                Assert.Equal(NatsResult.Ok, await client.PublishAsync(Client.Subject($"many.{publisher}"), payload));
            }
        })).ToArray();
        proxy.PieceMax = 700;
        proxy.ToServer.Open();
        await Task.WhenAll(publishing);
        await client.FlushAsync();
        await witness.FlushAsync();
        var next = new int[Publishers];
        while (witness.TryNext(out var message))
        {
            Assert.Equal(next[int.Parse(message.Subject.AsSpan(5), null)]++, BitConverter.ToInt32(message.Payload));
        }

        Assert.All(next, count => Assert.Equal(Each, count));
    }

    [Fact]
    public async Task A_publisher_waits_for_room_until_its_time_or_its_token_ends()
    {
        await using var server = await NatsServer.StartAsync();
        await using var proxy = FaultProxy.To(server.Port);
        await using var client = await Client.ConnectAsync(Client.Options(Client.UrlOf(proxy.Port)) with { PendingBytesMax = 100_000, PublishTimeoutMs = 500, PublishWaitersMax = 2 });
        proxy.ToServer.Close();
        NatsResult result;
        var taken = 0;
        do
        {
            result = await client.PublishAsync(Client.Subject("a"), new byte[50_000]);
            taken += result == NatsResult.Ok ? 1 : 0;
        }
        while (result == NatsResult.Ok);
        Assert.Equal(NatsResult.TimedOut, result);
        using var cancel = new CancellationTokenSource();
        var cancelled = client.PublishAsync(Client.Subject("a"), new byte[50_000], cancel: cancel.Token);
        var second = client.PublishAsync(Client.Subject("a"), new byte[50_000]).AsTask();
        Assert.Equal(NatsResult.BufferFull, await client.PublishAsync(Client.Subject("a"), new byte[50_000]));
        await cancel.CancelAsync();
        Assert.Equal(NatsResult.Cancelled, await cancelled);
        Assert.Equal(NatsResult.TimedOut, await second);
        proxy.ToServer.Open();
        Assert.Equal(NatsResult.Ok, await client.FlushAsync());
        Assert.Equal(NatsResult.Ok, await client.PublishAsync(Client.Subject("a"), new byte[50_000]));
        await client.FlushAsync();
        Assert.Equal(taken + 1, client.Statistics.MessagesOut);
    }

    private static async Task BlockAsync(NatsConnection client, int place, ManualResetEventSlim release, CountdownEvent blocked)
    {
        await using var subscription = client.Subscribe(Client.Subject($"block.{place}"));
        Assert.True(await subscription.WaitToReadAsync().ConfigureAwait(false));
        blocked.Signal();
        release.Wait();
    }
}
