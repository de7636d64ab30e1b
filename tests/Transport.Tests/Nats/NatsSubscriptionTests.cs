using Jesus.Transport.Nats;
using Jesus.Transport.Nats.Connecting;
using Jesus.Transport.Nats.Protocol;
using Jesus.Transport.Nats.Requests;
using Jesus.Transport.Nats.Sending;
using Jesus.Transport.Nats.Subscribing;

namespace Jesus.Transport.Tests.Nats;

/// <summary>One subscription without a server: the order of things between the connection's thread and the reader's is the test's.</summary>
public sealed class NatsSubscriptionTests
{
    [Fact]
    public async Task Who_waits_after_having_read_the_last_message_is_not_woken_for_it()
    {
        var (subscription, batch) = (Subscribe(), new WakeBatch());
        Deliver(subscription, "1");
        Assert.True(subscription.TryRead(out var first));
        first.Dispose();
        var waiting = subscription.WaitToReadAsync();
        subscription.Wake(batch);
        batch.RunHere();
        batch.Clear();
        Assert.False(waiting.IsCompleted);
        Deliver(subscription, "2");
        subscription.Wake(batch);
        batch.RunHere();
        Assert.True(waiting.IsCompleted && await waiting);
        Assert.True(subscription.TryRead(out var second));
        Assert.Equal("2", Client.Text(second.Payload));
    }

    [Fact]
    public async Task A_message_between_looking_and_waiting_is_not_slept_through()
    {
        var subscription = Subscribe();
        Assert.False(subscription.TryRead(out _));
        Deliver(subscription, "1");
        Assert.True(await subscription.WaitToReadAsync());
    }

    [Fact]
    public void Two_readers_at_once_are_told()
    {
        var subscription = Subscribe();
        _ = subscription.WaitToReadAsync();
        Assert.Throws<InvalidOperationException>(() => subscription.WaitToReadAsync().IsCompleted);
    }

    /// <summary>Chunks are filled anew once all their messages were disposed: a message that is kept keeps its bytes.</summary>
    [Fact]
    public void A_message_that_is_kept_is_not_written_over()
    {
        var subscription = Subscribe();
        var kept = new List<(NatsMessage Message, string Text)>();
        for (var i = 0; i < 20_000; i++)
        {
            var text = $"{i} " + new string((char)('a' + (i % 26)), i % 300);
            Deliver(subscription, text);
            Assert.True(subscription.TryRead(out var message));
            if (i % 97 == 0)
            {
                kept.Add((message, text));
            }
            else
            {
                message.Dispose();
            }
        }

        Assert.All(kept, one => Assert.Equal(one.Text, Client.Text(one.Message.Payload)));
        kept.ForEach(one => one.Message.Dispose());
    }

    private static NatsSubscription Subscribe()
    {
        var outbox = new Outbox(1_000, 1);
        var table = new SubscriptionTable(outbox, new RequestTable("_I.x", 10, 0), 10, _ => { }, _ => default);
        var subscription = new NatsSubscription(table, Client.Subject("a"), [], NatsSubscriptionOptions.Default);
        Assert.True(table.TryAdd(subscription));
        return subscription;
    }

    private static void Deliver(NatsSubscription subscription, string text)
    {
        var block = Client.Bytes($"MSG a {subscription.Sid} {text.Length}\r\n{text}\r\n");
        Assert.Equal(NatsVerb.Msg, NatsParser.Read(block, out var frame));
        Assert.True(subscription.Deliver(block, frame));
    }
}
