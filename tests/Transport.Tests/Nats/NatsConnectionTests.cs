using System.Text;
using Jesus.Tests.Nats;
using Jesus.Transport.Nats;
using Jesus.Transport.Nats.Requests;

namespace Jesus.Transport.Tests.Nats;

/// <summary>What a client does while all is well, against a real server.</summary>
public sealed class NatsConnectionTests
{
    [Fact]
    public async Task A_message_arrives_whole_with_its_subject_reply_and_headers()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var subscription = client.Subscribe(Client.Subject("a.*"));
        var headers = new NatsHeaders().Add("traceparent", "00-1-2-01").Add("x", "y");
        Assert.Equal(NatsResult.Ok, await client.PublishAsync(Client.Subject("a.b"), Client.Bytes("hello"), headers, Client.Subject("reply.to")));
        Assert.Equal(NatsResult.Ok, await client.PublishAsync(Client.Subject("a.c"), default));
        using (var first = await Client.NextAsync(subscription))
        {
            Assert.Equal(("a.b", "reply.to", "hello"), (Client.Text(first.Subject), Client.Text(first.ReplyTo), Client.Text(first.Payload)));
            Assert.True(first.Headers.TryGet("traceparent"u8, out var value));
            Assert.Equal("00-1-2-01", Client.Text(value));
            Assert.Equal(0, first.Headers.Status);
        }

        using var second = await Client.NextAsync(subscription);
        Assert.True(second.Payload.IsEmpty && second.ReplyTo.IsEmpty && second.Headers.IsEmpty);
        Assert.Equal(NatsState.Connected, client.State);
        Assert.Equal(("one", 1024 * 1024, true), (client.Server!.Name, client.Server.MaxPayload, client.Server.Headers));
    }

    [Fact]
    public async Task Messages_of_every_size_up_to_the_server_s_limit_arrive_unchanged_and_in_order()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var subscription = client.Subscribe(Client.Subject("sizes"));
        int[] sizes = [0, 1, 100, 2_000, 2_048, 16_000, 16_384, 65_000, 65_536, 70_000, 131_000, 131_072, 200_000, 262_144, 300_000, 1_000_000, 1_048_576];
        foreach (var size in sizes)
        {
            Assert.Equal(NatsResult.Ok, await client.PublishAsync(Client.Subject("sizes"), Pattern(size)));
            Assert.Equal(NatsResult.Ok, await client.PublishAsync(Client.Subject("sizes"), Pattern(3)));
        }

        Assert.Equal(NatsResult.TooLarge, await client.PublishAsync(Client.Subject("sizes"), new byte[1_048_577]));
        Assert.Equal(NatsResult.TooLarge, await client.PublishAsync(Client.Subject("sizes"), new byte[1_048_576], new NatsHeaders().Add("a", "b")));
        using var reply = await client.RequestAsync(Client.Subject("sizes"), new byte[1_048_577], Client.Patience);
        Assert.Equal((NatsReplyStatus.NotSent, NatsResult.TooLarge), (reply.Status, reply.PublishResult));
        foreach (var size in sizes)
        {
            using var message = await Client.NextAsync(subscription);
            Assert.True(message.Payload.Span.SequenceEqual(Pattern(size)), $"{size} bytes");
            using var small = await Client.NextAsync(subscription);
            Assert.True(small.Payload.Span.SequenceEqual(Pattern(3)));
        }

        Assert.Equal(NatsState.Connected, client.State);
    }

    [Fact]
    public async Task Each_of_many_requests_at_once_gets_its_own_answer()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var other = await Client.ConnectAsync(server.Url);
        await using var subscription = other.Subscribe(Client.Subject("echo"));
        var echo = Client.EchoAsync(other, subscription);
        await other.FlushAsync();
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async asker =>
        {
            for (var i = 0; i < 20; i++)
            {
                Assert.Equal($"{asker}.{i}", await Client.AskAsync(client, "echo", $"{asker}.{i}"));
            }
        }));
        Assert.Equal(0, client.Statistics.RequestsOpen);
        await subscription.UnsubscribeAsync();
        await echo;
    }

    [Fact]
    public async Task Answers_arrive_below_the_client_s_own_inbox_prefix()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(Client.Options(server.Url) with { InboxPrefix = "_INBOX.jesus.box-a" });
        await using var witness = await RawNats.ConnectAsync(server.Port);
        await witness.SubscribeAsync("ask");
        await witness.FlushAsync();
        var asking = Client.AskAsync(client, "ask", "?");
        var (_, reply, _) = await witness.NextAsync();
        Assert.StartsWith("_INBOX.jesus.box-a.", reply, StringComparison.Ordinal);
        await witness.PublishAsync(reply, "!");
        Assert.Equal("!", await asking);
        Assert.StartsWith("_INBOX.jesus.box-a.", client.NewInbox().ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_was_asked_once_cannot_answer_what_others_were_asked()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var witness = await RawNats.ConnectAsync(server.Port);
        await witness.SubscribeAsync("ask");
        await witness.FlushAsync();
        var asking = Client.AskAsync(client, "ask", "first");
        var (_, reply, _) = await witness.NextAsync();
        var token = TokenOf(reply);
        await witness.PublishAsync(reply, "answer");
        Assert.Equal("answer", await asking);

        // The same place in the table, and every guess that counting would give.
        var second = Client.AskAsync(client, "ask", "second");
        var (_, other, _) = await witness.NextAsync();
        Assert.Equal(token & ushort.MaxValue, TokenOf(other) & ushort.MaxValue);
        await witness.PublishAsync(reply, "forged");
        foreach (var guess in new[] { token + 0x10000, token - 0x10000, 0x10000UL | (token & 0xFFFF), token & 0xFFFF, 0UL })
        {
            await witness.PublishAsync(reply[..^ReplyToken.Bytes] + ReplyToken.ToString(guess), "forged");
        }

        await witness.PublishAsync(other, "true");
        Assert.Equal("true", await second);

        static ulong TokenOf(string reply) => (ulong)ReplyToken.Read(Encoding.ASCII.GetBytes(reply[^ReplyToken.Bytes..]));
    }

    [Fact]
    public async Task Nobody_listening_is_said_at_once()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        Assert.Equal("NoResponders", await Client.AskAsync(client, "nobody", ""));
        await using var answers = client.RequestMany(Client.Subject("nobody"), default);
        using var word = await Client.NextAsync(answers);
        Assert.True(word.IsNoResponders);
    }

    [Fact]
    public async Task A_request_that_nobody_answers_ends_by_its_time_or_its_token()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var silent = client.Subscribe(Client.Subject("silent"));
        using var timedOut = await client.RequestAsync(Client.Subject("silent"), default, TimeSpan.FromMilliseconds(30));
        Assert.Equal(NatsReplyStatus.TimedOut, timedOut.Status);
        using var cancel = new CancellationTokenSource();
        var asking = client.RequestAsync(Client.Subject("silent"), default, Client.Patience, cancel: cancel.Token);
        await cancel.CancelAsync();
        using var cancelled = await asking;
        Assert.Equal(NatsReplyStatus.Cancelled, cancelled.Status);
        using var before = await client.RequestAsync(Client.Subject("silent"), default, Client.Patience, cancel: cancel.Token);
        Assert.Equal(NatsReplyStatus.Cancelled, before.Status);

        // Answers that come late are nobody's, also when the place in the table is used again.
        for (var i = 0; i < 2; i++)
        {
            using var late = await Client.NextAsync(silent);
            await client.PublishAsync(late.ReplyTo, Client.Bytes("late"));
        }

        await using var echoing = client.Subscribe(Client.Subject("echo"));
        var echo = Client.EchoAsync(client, echoing);
        Assert.Equal("right", await Client.AskAsync(client, "echo", "right"));
        Assert.Equal((1, 0), (client.Statistics.RequestsTimedOut, client.Statistics.RequestsOpen));
    }

    [Fact]
    public async Task Many_answers_to_one_question_all_arrive()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        var askers = Enumerable.Range(0, 3).Select(_ => client.Subscribe(Client.Subject("census"))).ToArray();
        foreach (var (asker, place) in askers.Select((a, i) => (a, i)))
        {
            _ = Task.Run(async () =>
            {
                using var question = await Client.NextAsync(asker);
                await client.PublishAsync(question.ReplyTo, Client.Bytes($"box {place}"));
            });
        }

        await using var answers = client.RequestMany(Client.Subject("census"), default, messagesMax: 3);
        var heard = new List<string>();
        while (await answers.WaitToReadAsync())
        {
            heard.Add(await Client.NextTextAsync(answers));
        }

        Assert.Equal(["box 0", "box 1", "box 2"], heard.Order());
        Assert.True(answers.HasEnded);
    }

    [Fact]
    public async Task A_queue_group_shares_its_messages()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var left = client.Subscribe(Client.Subject("work"), "workers");
        await using var right = client.Subscribe(Client.Subject("work"), "workers");
        await using var all = client.Subscribe(Client.Subject("work"));
        for (var i = 0; i < 200; i++)
        {
            await client.PublishAsync(Client.Subject("work"), Client.Bytes($"{i}"));
        }

        await client.FlushAsync();
        await Client.EventuallyAsync(() => left.Delivered + right.Delivered == 200 && all.Delivered == 200, "delivered");
        Assert.True(left.Delivered > 0 && right.Delivered > 0, $"{left.Delivered} and {right.Delivered}");
        Assert.Throws<ArgumentException>(() => client.Subscribe(Client.Subject("work"), "a b"));
        Assert.Throws<ArgumentException>(() => client.Subscribe(Client.Subject("work"), "a\r\nPUB x 0"));
    }

    [Fact]
    public async Task A_subscription_ends_by_itself_after_the_messages_it_was_made_for()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var subscription = client.Subscribe(Client.Subject("three"), options: new NatsSubscriptionOptions { MessagesMax = 3 });
        for (var i = 0; i < 10; i++)
        {
            await client.PublishAsync(Client.Subject("three"), Client.Bytes($"{i}"));
        }

        await client.FlushAsync();
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal($"{i}", await Client.NextTextAsync(subscription));
        }

        Assert.False(await subscription.WaitToReadAsync());
        Assert.Equal(0, client.Statistics.Subscriptions);
    }

    [Fact]
    public async Task After_unsubscribing_nothing_more_arrives_and_what_had_arrived_can_be_read()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        var subscription = client.Subscribe(Client.Subject("a"));
        await client.PublishAsync(Client.Subject("a"), Client.Bytes("1"));
        await Client.EventuallyAsync(() => subscription.Pending == 1, "arrived");
        await subscription.UnsubscribeAsync();
        await client.PublishAsync(Client.Subject("a"), Client.Bytes("2"));
        await client.FlushAsync();
        Assert.Equal("1", await Client.NextTextAsync(subscription));
        Assert.False(await subscription.WaitToReadAsync());
        await subscription.DisposeAsync();
        Assert.False(subscription.TryRead(out _));
    }

    [Fact]
    public async Task A_wait_for_a_message_can_be_cancelled_and_begun_again()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var subscription = client.Subscribe(Client.Subject("a"));
        for (var i = 0; i < 3; i++)
        {
            using var cancel = new CancellationTokenSource();
            var waiting = subscription.WaitToReadAsync(cancel.Token).AsTask();
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        }

        var again = subscription.WaitToReadAsync();
        await client.PublishAsync(Client.Subject("a"), Client.Bytes("x"));
        Assert.True(await again);
    }

    /// <summary>A reader that has left the connection's thread may take a message before the connection comes to wake it for that one.</summary>
    [Fact]
    public async Task A_reader_on_another_thread_is_never_woken_for_nothing()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var other = await Client.ConnectAsync(server.Url);
        const int Messages = 100_000;
        var reading = Enumerable.Range(0, 4).Select(async _ =>
        {
            await using var subscription = client.Subscribe(Client.Subject("race"), options: new NatsSubscriptionOptions { PendingMessagesMax = Messages });
            for (var heard = 0; heard < Messages;)
            {
                Assert.True(await subscription.WaitToReadAsync().ConfigureAwait(false));
                await Task.Yield();
                for (; subscription.TryRead(out var message); heard++)
                {
                    message.Dispose();
                }
            }

            Assert.Equal(0, subscription.Dropped);
        }).ToArray();
        await client.FlushAsync();
        var subject = Client.Subject("race");
        await Task.Run(async () =>
        {
            for (var i = 0; i < Messages; i++)
            {
                Assert.True(await other.PublishAsync(subject, default) == NatsResult.Ok);
            }
        });
        await Task.WhenAll(reading);
    }

    [Fact]
    public async Task A_drained_subscription_still_gets_what_the_server_had_sent()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var subscription = client.Subscribe(Client.Subject("a"));
        for (var i = 0; i < 500; i++)
        {
            await client.PublishAsync(Client.Subject("a"), Client.Bytes($"{i}"));
        }

        await subscription.DrainAsync();
        for (var i = 0; i < 500; i++)
        {
            Assert.Equal($"{i}", await Client.NextTextAsync(subscription));
        }

        Assert.False(await subscription.WaitToReadAsync());
    }

    [Fact]
    public async Task A_drained_connection_answers_what_it_was_asked_before_it_closes()
    {
        await using var server = await NatsServer.StartAsync();
        await using var asker = await Client.ConnectAsync(server.Url);
        await using var client = await Client.ConnectAsync(server.Url);
        await using var slow = client.Subscribe(Client.Subject("slow"));
        var answering = Task.Run(async () =>
        {
            while (await slow.WaitToReadAsync())
            {
                while (slow.TryRead(out var question))
                {
                    using (question)
                    {
                        await Task.Delay(5);
                        await client.PublishAsync(question.ReplyTo, question.Payload);
                    }
                }
            }
        });
        await client.FlushAsync();
        var asking = Enumerable.Range(0, 20).Select(i => Client.AskAsync(asker, "slow", $"{i}")).ToArray();
        await Client.EventuallyAsync(() => slow.Delivered == 20, "all asked");
        await client.DrainAsync();
        Assert.Equal(NatsState.Closed, client.State);
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"{i}"), await Task.WhenAll(asking));
        await answering;
        Assert.Equal(NatsResult.Closed, await client.PublishAsync(Client.Subject("a"), default));
        Assert.Equal("Disconnected", await Client.AskAsync(client, "a", ""));
        Assert.True(client.Subscribe(Client.Subject("a")).HasEnded);
    }

    [Fact]
    public async Task Nothing_can_be_put_into_the_stream_by_a_subject_or_a_reply()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(server.Url);
        await using var all = client.Subscribe(Client.Subject(">"));
        foreach (var injected in new[] { "a\r\nPUB stolen 0\r\n\r\n", "a b", "a\n", "", "a\tb", new string('x', 5_000) })
        {
            Assert.Equal(NatsResult.InvalidSubject, await client.PublishAsync(Client.Bytes(injected), default));
            Assert.Equal(injected.Length == 0 ? NatsResult.Ok : NatsResult.InvalidSubject, await client.PublishAsync(Client.Bytes("a"), default, null, Client.Bytes(injected)));
        }

        Assert.Equal(NatsResult.InvalidSubject, await client.PublishAsync(Client.Subject("a.*"), default));
        Assert.Equal(NatsResult.InvalidSubject, await client.PublishAsync(Client.Subject("a"), default, null, Client.Subject("b.>")));
        await client.PublishAsync(Client.Subject("end"), Client.Bytes("x\r\nPUB stolen 0\r\n\r\n"));
        using (var lone = await Client.NextAsync(all))
        {
            Assert.Equal("a", Client.Text(lone.Subject));
        }

        using var end = await Client.NextAsync(all);
        Assert.Equal(("end", "x\r\nPUB stolen 0\r\n\r\n"), (Client.Text(end.Subject), Client.Text(end.Payload)));
        await client.FlushAsync();
        Assert.Equal(0, all.Pending);
        Assert.Equal(NatsState.Connected, client.State);
    }

    [Fact]
    public async Task What_the_server_forbids_is_told_and_costs_nothing_else()
    {
        const string Auth = """authorization { users: [ { user: a, password: a, permissions: { publish: ["ok", "_INBOX.>"], subscribe: ["ok", "_INBOX.>"] } } ] }""";
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { Auth = Auth });
        var witness = new Witness();
        await using var client = await Client.ConnectAsync(Client.Options(server.Url) with { User = "a", Password = "a" }, witness);
        await using var forbidden = client.Subscribe(Client.Subject("secret"));
        await client.PublishAsync(Client.Subject("secret"), default);
        await witness.HearsAsync(NatsEventKind.ServerError, 2);
        Assert.All(witness.All.Where(e => e.Kind == NatsEventKind.ServerError), e => Assert.Contains("Permissions Violation", e.Detail, StringComparison.Ordinal));
        await using var allowed = client.Subscribe(Client.Subject("ok"));
        var echo = Client.EchoAsync(client, allowed);
        Assert.Equal("yes", await Client.AskAsync(client, "ok", "yes"));
        Assert.Equal(NatsState.Connected, client.State);
        Assert.Equal(1, client.Statistics.Connects);
    }

    [Fact]
    public async Task Limits_on_subscriptions_and_requests_are_kept()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await Client.ConnectAsync(Client.Options(server.Url) with { SubscriptionsMax = 2, RequestsMax = 2 });
        await using var first = client.Subscribe(Client.Subject("a"));
        var second = client.Subscribe(Client.Subject("b"));
        Assert.True(client.Subscribe(Client.Subject("c")).HasEnded);
        await second.DisposeAsync();
        await using var third = client.Subscribe(Client.Subject("c"));
        Assert.False(third.HasEnded);
        var asking = new[] { Client.AskAsync(client, "a", ""), Client.AskAsync(client, "a", "") };
        using var refused = await client.RequestAsync(Client.Subject("a"), default, Client.Patience);
        Assert.Equal((NatsReplyStatus.NotSent, NatsResult.BufferFull), (refused.Status, refused.PublishResult));
        for (var i = 0; i < 2; i++)
        {
            using var question = await Client.NextAsync(first);
            await client.PublishAsync(question.ReplyTo, default);
        }

        await Task.WhenAll(asking);
    }

    private static byte[] Pattern(int size)
    {
        var bytes = new byte[size];
        for (var i = 0; i < size; i++)
        {
            bytes[i] = (byte)(i * 31 / 7);
        }

        return bytes;
    }
}
