using Jesus.Transport.Nats;
using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Tests.Nats.JetStream;

public sealed class PullTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(50);

    [Fact]
    public async Task A_consumer_is_refilled_until_everything_is_read_in_order()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        _ = await rig.ConsumerAsync("s", "c");
        await rig.FillAsync("s", 300);
        await using var pull = JetStreamRig.Ok(rig.Context.OpenPull("s", "c", new PullOptions { Batch = 7 }));
        for (var i = 0; i < 300; i++)
        {
            using var message = JetStreamRig.Ok(await pull.ReadAsync(rig.Hang));
            Assert.Equal(i, JetStreamRig.Number(message));
            Assert.Equal((ulong)i + 1, message.Metadata.StreamSequence);
            Assert.Equal(299UL - (ulong)i, message.Metadata.Pending);
            Assert.Equal(1, message.Metadata.Delivered);
            _ = await message.AckAsync(rig.Hang);
        }

        Assert.Equal(0, pull.Silences);
    }

    [Fact]
    public async Task A_message_is_delivered_again_after_a_nak_and_never_after_a_term_or_a_confirmed_ack()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s", StreamRetention.WorkQueue);
        _ = await rig.ConsumerAsync("s", "c", c => c with { AckWait = TimeSpan.FromMinutes(5) });
        await rig.FillAsync("s", 3);
        await using var pull = JetStreamRig.Ok(rig.Context.OpenPull("s", "c", JetStreamRig.Quick));
        using (var confirmed = JetStreamRig.Ok(await pull.ReadAsync(rig.Hang)))
        {
            var error = await confirmed.AckAndConfirmAsync(JetStreamRig.Long, rig.Hang);
            Assert.True(error.IsNone, error.ToString());
            Assert.Equal(2UL, JetStreamRig.Ok(await rig.Context.StreamInfoAsync("s", rig.Hang)).Messages);
        }

        using (var bad = JetStreamRig.Ok(await pull.ReadAsync(rig.Hang)))
        {
            Assert.Equal(NatsResult.Ok, await bad.TermAsync(rig.Hang));
        }

        using (var late = JetStreamRig.Ok(await pull.ReadAsync(rig.Hang)))
        {
            Assert.Equal(2, JetStreamRig.Number(late));
            Assert.Equal(NatsResult.Ok, await late.NakAsync(Soon, rig.Hang));
        }

        using (var again = JetStreamRig.Ok(await pull.ReadAsync(rig.Hang)))
        {
            Assert.Equal((2, 2), (JetStreamRig.Number(again), again.Metadata.Delivered));
            Assert.Equal(NatsResult.Ok, await again.NakAsync(cancel: rig.Hang));
        }

        using var last = JetStreamRig.Ok(await pull.ReadAsync(rig.Hang));
        Assert.Equal((2, 3), (JetStreamRig.Number(last), last.Metadata.Delivered));
        Assert.True((await last.AckAndConfirmAsync(JetStreamRig.Long, rig.Hang)).IsNone);
        Assert.Equal(0UL, JetStreamRig.Ok(await rig.Context.StreamInfoAsync("s", rig.Hang)).Messages);
    }

    [Fact]
    public async Task Work_in_progress_keeps_a_message_from_being_delivered_again()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        _ = await rig.ConsumerAsync("s", "c", c => c with { AckWait = TimeSpan.FromSeconds(2) });
        await rig.FillAsync("s", 1);
        await using var pull = JetStreamRig.Ok(rig.Context.OpenPull("s", "c", JetStreamRig.Quick));
        using var message = JetStreamRig.Ok(await pull.ReadAsync(rig.Hang));
        for (var i = 0; i < 20; i++)
        {
            _ = await message.InProgressAsync(rig.Hang);
            await Task.Delay(200);
        }

        Assert.True((await message.AckAndConfirmAsync(JetStreamRig.Long, rig.Hang)).IsNone);
        Assert.Equal(0, JetStreamRig.Ok(await rig.Context.ConsumerInfoAsync("s", "c", rig.Hang)).Redelivered);
    }

    [Fact]
    public async Task A_handler_that_throws_costs_its_message_a_nak_and_the_loop_nothing()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s", StreamRetention.WorkQueue);
        _ = await rig.ConsumerAsync("s", "c");
        await rig.FillAsync("s", 20);
        await using var pull = JetStreamRig.Ok(rig.Context.OpenPull("s", "c", JetStreamRig.Quick));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(rig.Hang);
        var faults = new List<string>();
        var done = new HashSet<int>();
        var error = await pull.RunAsync(async (message, stopping) =>
        {
            var number = JetStreamRig.Number(message);
            if (number % 3 == 0 && message.Metadata.Delivered == 1)
            {
                throw new InvalidOperationException($"cannot do {number}");
            }

            _ = await message.AckAndConfirmAsync(JetStreamRig.Long, CancellationToken.None);
            if (done.Add(number) && done.Count == 20)
            {
                await stop.CancelAsync();
            }
        }, Soon, e => faults.Add(e.Message), stop.Token);
        Assert.Equal(JetStreamFault.Cancelled, error.Fault);
        Assert.Equal(20, done.Count);
        Assert.Equal(7, faults.Count);
        Assert.Equal(0UL, JetStreamRig.Ok(await rig.Context.StreamInfoAsync("s", rig.Hang)).Messages);
    }

    [Fact]
    public async Task A_deleted_consumer_is_reported_at_once_and_one_that_never_was_as_well()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        _ = await rig.ConsumerAsync("s", "c");
        await using var pull = JetStreamRig.Ok(rig.Context.OpenPull("s", "c", JetStreamRig.Quick));
        var waiting = pull.ReadAsync(rig.Hang).AsTask();
        while (JetStreamRig.Ok(await rig.Context.ConsumerInfoAsync("s", "c", rig.Hang)).Waiting == 0)
        {
            await Task.Delay(5);
        }

        Assert.True((await rig.Context.DeleteConsumerAsync("s", "c", rig.Hang)).IsNone);
        var ended = await waiting;
        Assert.Equal(JetStreamFault.NotFound, ended.Error.Fault);
        Assert.Contains("'c'", ended.Error.Text, StringComparison.Ordinal);
        Assert.Equal(ended.Error, (await pull.ReadAsync(rig.Hang)).Error);

        await using var none = JetStreamRig.Ok(rig.Context.OpenPull("s", "never", JetStreamRig.Quick));
        Assert.Equal(JetStreamFault.NotFound, (await none.ReadAsync(rig.Hang)).Error.Fault);
    }

    [Fact]
    public async Task A_reader_that_was_cancelled_reads_on_where_it_was()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        _ = await rig.ConsumerAsync("s", "c");
        await using var pull = JetStreamRig.Ok(rig.Context.OpenPull("s", "c", JetStreamRig.Quick));
        using (var soon = new CancellationTokenSource(Soon))
        {
            Assert.Equal(JetStreamFault.Cancelled, (await pull.ReadAsync(soon.Token)).Error.Fault);
        }

        await rig.FillAsync("s", 1);
        using var message = JetStreamRig.Ok(await pull.ReadAsync(rig.Hang));
        Assert.Equal(0, JetStreamRig.Number(message));
    }

    [Fact]
    public async Task Pulls_that_expire_unfilled_are_asked_anew()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        _ = await rig.ConsumerAsync("s", "c");
        await using var pull = JetStreamRig.Ok(rig.Context.OpenPull("s", "c", new PullOptions { Expires = TimeSpan.FromSeconds(1), Heartbeat = TimeSpan.FromMilliseconds(500) }));
        var waiting = pull.ReadAsync(rig.Hang).AsTask();
        await Task.Delay(TimeSpan.FromSeconds(3.5));
        Assert.False(waiting.IsCompleted);
        await rig.FillAsync("s", 1);
        using var message = JetStreamRig.Ok(await waiting);
        Assert.Equal(0, JetStreamRig.Number(message));
    }

    [Fact]
    public async Task A_pull_by_bytes_brings_what_fits_and_names_the_message_that_never_will()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        _ = await rig.ConsumerAsync("s", "c");
        var subject = NatsSubject.Parse("s.n");
        for (var i = 0; i < 30; i++)
        {
            _ = JetStreamRig.Ok(await rig.Context.PublishAsync(subject, new byte[1_000], null, rig.Hang));
        }

        _ = JetStreamRig.Ok(await rig.Context.PublishAsync(subject, new byte[9_000], null, rig.Hang));
        await using var pull = JetStreamRig.Ok(rig.Context.OpenPull("s", "c", new PullOptions { MaxBytes = 4_096 }));
        for (var i = 0; i < 30; i++)
        {
            using var message = JetStreamRig.Ok(await pull.ReadAsync(rig.Hang));
            Assert.Equal(1_000, message.Payload.Length);
        }

        var stuck = await pull.ReadAsync(rig.Hang);
        Assert.Equal(JetStreamFault.TooLarge, stuck.Error.Fault);
        Assert.Contains("4096", stuck.Error.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_the_server_refuses_ends_the_reader_with_its_reason()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        var api = new JetStreamApi(rig.Context.Connection, rig.Context.Options, TimeProvider.System);
        var body = "{\"stream_name\":\"s\",\"config\":{\"durable_name\":\"c\",\"name\":\"c\",\"ack_policy\":\"explicit\",\"max_batch\":10}}"u8.ToArray();
        Assert.True((await api.AskAsync("CONSUMER.CREATE.s.c", body, rig.Hang)).IsOk);
        await using var pull = JetStreamRig.Ok(rig.Context.OpenPull("s", "c", JetStreamRig.Quick));
        var refused = await pull.ReadAsync(rig.Hang);
        Assert.Equal(JetStreamFault.Refused, refused.Error.Fault);
        Assert.Contains("MaxRequestBatch", refused.Error.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_falls_silent_is_asked_anew_when_it_speaks_again()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        _ = await rig.ConsumerAsync("s", "c");
        await using var pull = JetStreamRig.Ok(rig.Context.OpenPull("s", "c", JetStreamRig.Quick));
        var waiting = pull.ReadAsync(rig.Hang).AsTask();
        await Task.Delay(300);
        rig.Server.Freeze();
        while (pull.Silences == 0)
        {
            await Task.Delay(20, rig.Hang);
        }

        rig.Server.Thaw();
        await rig.FillAsync("s", 1);
        using var message = JetStreamRig.Ok(await waiting);
        Assert.Equal(0, JetStreamRig.Number(message));
    }

    [Fact]
    public async Task Nothing_is_lost_when_the_server_is_killed_in_the_middle_of_a_pull_and_started_again()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s", StreamRetention.WorkQueue);
        _ = await rig.ConsumerAsync("s", "c", c => c with { AckWait = TimeSpan.FromSeconds(1) });
        await rig.FillAsync("s", 400);
        await using var pull = JetStreamRig.Ok(rig.Context.OpenPull("s", "c", JetStreamRig.Quick));
        var seen = new HashSet<int>();
        Task? restart = null;
        while (seen.Count < 500)
        {
            using var message = JetStreamRig.Ok(await pull.ReadAsync(rig.Hang));
            _ = await message.AckAsync(rig.Hang);
            if (seen.Add(JetStreamRig.Number(message)) && seen.Count == 150)
            {
                restart = RestartAsync();
            }
        }

        await restart!;
        Assert.Equal(Enumerable.Range(0, 500), seen.Order());

        async Task RestartAsync()
        {
            await rig.Server.RestartAsync();
            await rig.FillAsync("s", 100, from: 400);
        }
    }

    [Fact]
    public async Task Readers_of_one_work_queue_share_its_messages()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s", StreamRetention.WorkQueue);
        _ = await rig.ConsumerAsync("s", "c");
        await rig.FillAsync("s", 200);
        var seen = new System.Collections.Concurrent.ConcurrentBag<int>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(rig.Hang);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(async reader =>
        {
            await using var pull = JetStreamRig.Ok(rig.Context.OpenPull("s", "c", new PullOptions { Batch = 1 }));
            _ = await pull.RunAsync(async (message, stopping) =>
            {
                seen.Add(JetStreamRig.Number(message));
                _ = await message.AckAsync(rig.Hang);
                if (seen.Count == 200)
                {
                    await stop.CancelAsync();
                }
            }, Soon, static e => Assert.Fail(e.Message), stop.Token);
        }));
        Assert.Equal(Enumerable.Range(0, 200), seen.Order());
    }

    [Theory]
    [InlineData("$JS.ACK.S.C.2.5.9.1700000000000000000.7", true, 5, 9, 2, 7)]
    [InlineData("$JS.ACK.hub.AbC123.S.C.1.15.16.1700000000000000000.0.x9", true, 15, 16, 1, 0)]
    [InlineData("$JS.ACK._.AbC123.S.C.1.15.16.1700000000000000000.0", true, 15, 16, 1, 0)]
    [InlineData("$JS.ACK.S.C.2.5.9.1700000000000000000", false, 0, 0, 0, 0)]
    [InlineData("$JS.ACK.S.C.x.5.9.1700000000000000000.7", false, 0, 0, 0, 0)]
    [InlineData("_INBOX.1.2", false, 0, 0, 0, 0)]
    [InlineData("", false, 0, 0, 0, 0)]
    public void The_reply_subject_of_a_delivery_is_read_in_its_old_and_new_form(string reply, bool isOne, ulong stream, ulong consumer, int delivered, ulong pending)
    {
        Assert.Equal(isOne, JetStreamMetadata.TryParse(System.Text.Encoding.ASCII.GetBytes(reply), out var metadata));
        Assert.Equal((stream, consumer, delivered, pending), (metadata.StreamSequence, metadata.ConsumerSequence, metadata.Delivered, metadata.Pending));
        Assert.Equal(isOne ? DateTimeOffset.FromUnixTimeSeconds(1_700_000_000) : default, metadata.At);
    }
}
