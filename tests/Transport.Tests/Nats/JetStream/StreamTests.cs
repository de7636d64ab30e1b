using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Tests.Nats.JetStream;

public sealed class StreamTests
{
    [Fact]
    public async Task A_stream_is_created_changed_purged_and_deleted()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var config = new StreamConfig { Name = "orders", Subjects = ["orders.>"], MaxAge = TimeSpan.FromHours(1), MaxMessagesPerSubject = 100, Description = "all of them" };
        var made = JetStreamRig.Ok(await rig.Context.CreateStreamAsync(config, rig.Hang));
        Assert.Equal(config.MaxAge, made.Config.MaxAge);
        _ = JetStreamRig.Ok(await rig.Context.CreateStreamAsync(config, rig.Hang));

        _ = JetStreamRig.Ok(await rig.Context.UpdateStreamAsync(config with { MaxMessagesPerSubject = 7 }, rig.Hang));
        await rig.FillAsync("orders", 10);
        var info = JetStreamRig.Ok(await rig.Context.StreamInfoAsync("orders", rig.Hang));
        Assert.Equal((7UL, 4UL, 10UL), (info.Messages, info.FirstSequence, info.LastSequence));
        Assert.Equal(["orders"], JetStreamRig.Ok(await rig.Context.StreamNamesAsync("orders.n", rig.Hang)));

        Assert.Equal("9", System.Text.Encoding.ASCII.GetString(JetStreamRig.Ok(await rig.Context.GetLastMessageAsync("orders", "orders.n", rig.Hang)).Payload.Span));
        Assert.True((await rig.Context.DeleteMessageAsync("orders", 9, cancel: rig.Hang)).IsNone);
        Assert.Equal(JetStreamFault.NotFound, (await rig.Context.GetMessageAsync("orders", 9, rig.Hang)).Error.Fault);
        Assert.Equal(4UL, JetStreamRig.Ok(await rig.Context.PurgeStreamAsync("orders", "orders.n", keep: 2, cancel: rig.Hang)));

        Assert.True((await rig.Context.DeleteStreamAsync("orders", rig.Hang)).IsNone);
        Assert.Equal(JetStreamFault.NotFound, (await rig.Context.StreamInfoAsync("orders", rig.Hang)).Error.Fault);
    }

    [Fact]
    public async Task What_an_older_server_leaves_out_is_an_error_that_names_the_field_and_the_stream_is_gone_again()
    {
        await using var rig = await JetStreamRig.StartAsync();
        if (Version.Parse(rig.Context.Connection.Server!.Version.Split('-')[0]) >= new Version(2, 10))
        {
            Assert.Skip("This nats-server knows the fields.");
        }

        var config = new StreamConfig { Name = "s", Subjects = ["s.>"] };
        var compressed = await rig.Context.CreateStreamAsync(config with { Compression = "s2" }, rig.Hang);
        Assert.Equal(JetStreamFault.Ignored, compressed.Error.Fault);
        Assert.Contains("'compression'", compressed.Error.Text, StringComparison.Ordinal);
        Assert.Equal(JetStreamFault.NotFound, (await rig.Context.StreamInfoAsync("s", rig.Hang)).Error.Fault);

        var aging = await rig.Context.CreateStreamAsync(config with { AllowMessageTtl = true }, rig.Hang);
        Assert.Contains("'allow_msg_ttl'", aging.Error.Text, StringComparison.Ordinal);

        _ = JetStreamRig.Ok(await rig.Context.CreateStreamAsync(config, rig.Hang));
        var changed = await rig.Context.UpdateStreamAsync(config with { Compression = "s2" }, rig.Hang);
        Assert.Equal(JetStreamFault.Ignored, changed.Error.Fault);
        Assert.True((await rig.Context.StreamInfoAsync("s", rig.Hang)).IsOk);

        var filtered = await rig.Context.CreateConsumerAsync("s", new ConsumerConfig { Name = "c", FilterSubjects = ["s.a", "s.b"] }, rig.Hang);
        Assert.Equal(JetStreamFault.Ignored, filtered.Error.Fault);
        Assert.Contains("'filter_subjects'", filtered.Error.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_of_that_name_with_another_configuration_is_a_conflict()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        var other = await rig.Context.CreateStreamAsync(new StreamConfig { Name = "s", Subjects = ["s.>"], Retention = StreamRetention.WorkQueue }, rig.Hang);
        Assert.Equal(JetStreamFault.Conflict, other.Error.Fault);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a.b")]
    [InlineData("a b")]
    [InlineData("a\r\nPUB x 0")]
    [InlineData("a*")]
    [InlineData("a>")]
    [InlineData("../a")]
    [InlineData("a\0b")]
    public async Task A_wrong_name_is_refused_before_anything_is_sent(string name)
    {
        // Nothing listens there: a request would fail otherwise.
        await using var connection = JetStreamRig.Open(["nats://127.0.0.1:1"]);
        var context = new JetStreamContext(connection, TimeProvider.System);
        Assert.Equal(JetStreamFault.WrongName, (await context.CreateStreamAsync(new StreamConfig { Name = name })).Error.Fault);
        Assert.Equal(JetStreamFault.WrongName, (await context.StreamInfoAsync(name)).Error.Fault);
        Assert.Equal(JetStreamFault.WrongName, (await context.DeleteStreamAsync(name)).Fault);
        Assert.Equal(JetStreamFault.WrongName, (await context.CreateConsumerAsync("s", new ConsumerConfig { Name = name })).Error.Fault);
        Assert.Equal(JetStreamFault.WrongName, (await context.ConsumerInfoAsync("s", name)).Error.Fault);
        Assert.Equal(JetStreamFault.WrongName, context.OpenPull("s", name).Error.Fault);
        Assert.Equal(JetStreamFault.WrongName, context.OpenOrdered(name).Error.Fault);
    }

    [Fact]
    public async Task A_wrong_subject_or_pull_is_refused_before_anything_is_sent()
    {
        await using var connection = JetStreamRig.Open(["nats://127.0.0.1:1"]);
        var context = new JetStreamContext(connection, TimeProvider.System);
        Assert.Equal(JetStreamFault.WrongName, (await context.CreateStreamAsync(new StreamConfig { Name = "s", Subjects = ["a..b"] })).Error.Fault);
        Assert.Equal(JetStreamFault.WrongName, (await context.CreateStreamAsync(new StreamConfig { Name = "s", Replicas = 7 })).Error.Fault);
        Assert.Equal(JetStreamFault.WrongName, (await context.CreateConsumerAsync("s", new ConsumerConfig { Name = "c", FilterSubject = "a b" })).Error.Fault);
        Assert.Equal(JetStreamFault.WrongName, context.OpenPull("s", "c", new PullOptions { Batch = 0 }).Error.Fault);
        Assert.Equal(JetStreamFault.WrongName, context.OpenPull("s", "c", new PullOptions { Heartbeat = TimeSpan.FromSeconds(20) }).Error.Fault);
    }
}
