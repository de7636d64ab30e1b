using Jesus.Transport.Nats;
using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Tests.Nats.JetStream;

public sealed class PublishTests
{
    private static readonly NatsSubject A = NatsSubject.Parse("s.a");
    private static readonly NatsSubject B = NatsSubject.Parse("s.b");

    [Fact]
    public async Task A_message_id_is_stored_once()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        var once = new JetStreamPublish { MessageId = "m1" };
        var first = JetStreamRig.Ok(await rig.Context.PublishAsync(A, "x"u8.ToArray(), once, rig.Hang));
        var second = JetStreamRig.Ok(await rig.Context.PublishAsync(A, "x"u8.ToArray(), once, rig.Hang));
        Assert.False(first.IsDuplicate);
        Assert.True(second.IsDuplicate);
        Assert.Equal(first.Sequence, second.Sequence);
        Assert.Equal(1UL, JetStreamRig.Ok(await rig.Context.StreamInfoAsync("s", rig.Hang)).Messages);
    }

    [Fact]
    public async Task What_a_publisher_expects_is_compared()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        var first = JetStreamRig.Ok(await rig.Context.PublishAsync(A, default, new JetStreamPublish { ExpectedLastSubjectSequence = 0, ExpectedStream = "s" }, rig.Hang));
        _ = JetStreamRig.Ok(await rig.Context.PublishAsync(B, default, new JetStreamPublish { ExpectedLastSequence = first.Sequence, MessageId = "b" }, rig.Hang));
        var third = new JetStreamPublish { ExpectedLastSubjectSequence = first.Sequence, ExpectedLastMessageId = "b" };
        _ = JetStreamRig.Ok(await rig.Context.PublishAsync(A, default, third, rig.Hang));

        await RefusedAsync(rig, new JetStreamPublish { ExpectedLastSubjectSequence = first.Sequence }, JetStreamFault.Conflict);
        await RefusedAsync(rig, new JetStreamPublish { ExpectedLastSubjectSequence = 0 }, JetStreamFault.Conflict);
        await RefusedAsync(rig, new JetStreamPublish { ExpectedLastSequence = 1 }, JetStreamFault.Conflict);
        await RefusedAsync(rig, new JetStreamPublish { ExpectedLastMessageId = "other" }, JetStreamFault.Conflict);
        await RefusedAsync(rig, new JetStreamPublish { ExpectedStream = "other" }, JetStreamFault.Refused);
        Assert.Equal(3UL, JetStreamRig.Ok(await rig.Context.StreamInfoAsync("s", rig.Hang)).Messages);
    }

    [Fact]
    public async Task A_subject_that_no_stream_takes_is_an_error_and_no_wait_for_ever()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var hasty = new JetStreamContext(rig.Context.Connection, TimeProvider.System, new JetStreamOptions { Patience = TimeSpan.FromMilliseconds(300) });
        var lost = await hasty.PublishAsync(A, default, null, rig.Hang);
        Assert.Equal(JetStreamFault.NoResponders, lost.Error.Fault);
        Assert.Contains("s.a", lost.Error.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plain_subscriber_that_answers_is_not_taken_for_a_stream()
    {
        await using var rig = await JetStreamRig.StartAsync();
        await using var echo = rig.Context.Connection.Subscribe(A);
        var published = rig.Context.PublishAsync(A, default, null, rig.Hang).AsTask();
        Assert.True(await echo.WaitToReadAsync(rig.Hang));
        Assert.True(echo.TryRead(out var asked));
        _ = await rig.Context.Connection.PublishAsync(asked.ReplyTo, "thanks"u8.ToArray(), cancel: rig.Hang);
        asked.Dispose();
        Assert.Equal(JetStreamFault.Malformed, (await published).Error.Fault);
    }

    [Fact]
    public async Task Everything_acknowledged_is_stored_once_while_the_server_is_killed_and_restarted()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        var publishers = Enumerable.Range(0, 8).Select(p => Task.Run(async () =>
        {
            for (var i = 0; i < 60; i++)
            {
                _ = JetStreamRig.Ok(await rig.Context.PublishAsync(A, JetStreamRig.Bytes(i), new JetStreamPublish { MessageId = $"{p}-{i}" }, rig.Hang));
            }
        })).ToArray();
        while (JetStreamRig.Ok(await rig.Context.StreamInfoAsync("s", rig.Hang)).Messages < 100)
        {
            await Task.Delay(5);
        }

        await rig.Server.RestartAsync();
        await Task.WhenAll(publishers);
        Assert.Equal(480UL, JetStreamRig.Ok(await rig.Context.StreamInfoAsync("s", rig.Hang)).Messages);
    }

    private static async Task RefusedAsync(JetStreamRig rig, JetStreamPublish publish, JetStreamFault fault) =>
        Assert.Equal(fault, (await rig.Context.PublishAsync(A, default, publish, rig.Hang)).Error.Fault);
}
