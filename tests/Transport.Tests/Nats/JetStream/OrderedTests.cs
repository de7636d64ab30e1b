using Jesus.Tests.Nats;
using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Tests.Nats.JetStream;

public sealed class OrderedTests
{
    [Fact]
    public async Task A_stream_is_read_in_order_each_message_once_while_its_server_is_killed_and_restarted()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        await rig.FillAsync("s", 300);
        await using var reader = JetStreamRig.Ok(rig.Context.OpenOrdered("s", new OrderedOptions { Pull = JetStreamRig.Quick }));
        Task? restart = null;
        for (var i = 0; i < 400; i++)
        {
            using var message = JetStreamRig.Ok(await reader.ReadAsync(rig.Hang));
            Assert.Equal(i, JetStreamRig.Number(message));
            restart ??= i == 120 ? RestartAsync() : null;
        }

        await restart!;
        Assert.True(reader.Recreated > 0);

        async Task RestartAsync()
        {
            await rig.Server.RestartAsync();
            await rig.FillAsync("s", 100, from: 300);
        }
    }

    /// <summary>A cluster does not answer at all for a consumer that lay on a server which has died; neither does this one, which may not be asked.</summary>
    [Fact]
    public async Task A_reader_goes_on_when_its_consumer_died_with_its_server_and_nobody_answers_for_it()
    {
        await using var rig = await JetStreamRig.StartAsync("""
            authorization { users: [ { user: "a", password: "b", permissions: { publish: { deny: ["$JS.API.CONSUMER.INFO.>"] } } } ] }
            no_auth_user: "a"
            """);
        _ = await rig.StreamAsync("s");
        await rig.FillAsync("s", 10);
        await using var reader = JetStreamRig.Ok(rig.Context.OpenOrdered("s", new OrderedOptions { Pull = JetStreamRig.Quick }));
        for (var i = 0; i < 20; i++)
        {
            if (i == 10)
            {
                await rig.Server.RestartAsync();
                await rig.FillAsync("s", 10, from: 10);
            }

            using var message = JetStreamRig.Ok(await reader.ReadAsync(rig.Hang));
            Assert.Equal(i, JetStreamRig.Number(message));
        }

        Assert.Equal(1, reader.Recreated);
    }

    [Fact]
    public async Task A_stream_is_read_in_order_each_message_once_while_the_link_is_cut_again_and_again()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        await rig.FillAsync("s", 600);
        await using var proxy = FaultProxy.To(rig.Server.Port);
        var context = await rig.ConnectAsync([rig.Server.UrlOf(proxy.Port)]);
        await using var reader = JetStreamRig.Ok(context.OpenOrdered("s", new OrderedOptions { Pull = JetStreamRig.Quick }));
        for (var i = 0; i < 600; i++)
        {
            if (i % 150 == 100)
            {
                // In the middle of a frame, most likely.
                proxy.CutAfter(FaultWay.ToClient, 701);
                await Task.Delay(30);
                proxy.CutNever();
            }

            using var message = JetStreamRig.Ok(await reader.ReadAsync(rig.Hang));
            Assert.Equal(i, JetStreamRig.Number(message));
        }
    }

    [Fact]
    public async Task A_consumer_that_is_deleted_under_its_reader_is_made_again_behind_the_last_message()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        await rig.FillAsync("s", 30);
        await using var reader = JetStreamRig.Ok(rig.Context.OpenOrdered("s", new OrderedOptions { Pull = JetStreamRig.Quick with { Batch = 2 } }));
        for (var i = 0; i < 30; i++)
        {
            using var message = JetStreamRig.Ok(await reader.ReadAsync(rig.Hang));
            Assert.Equal(i, JetStreamRig.Number(message));
            if (i is 3 or 20)
            {
                await DeleteConsumersAsync(rig);
            }
        }

        Assert.Equal(2, reader.Recreated);
    }

    [Fact]
    public async Task What_comes_while_the_first_consumer_of_what_is_new_is_lost_is_still_read()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        await rig.FillAsync("s", 5);
        await using var reader = JetStreamRig.Ok(rig.Context.OpenOrdered("s", new OrderedOptions { Deliver = DeliverPolicy.New, TellsEnd = true, Pull = JetStreamRig.Quick }));
        Assert.True(JetStreamRig.Ok(await reader.ReadAsync(rig.Hang)).IsNone);
        await DeleteConsumersAsync(rig);
        await rig.FillAsync("s", 2, from: 5);
        for (var i = 5; i < 7; i++)
        {
            using var message = JetStreamRig.Ok(await reader.ReadAsync(rig.Hang));
            Assert.Equal(i, JetStreamRig.Number(message));
        }
    }

    [Fact]
    public async Task The_end_of_what_was_stored_is_told_once_and_of_an_empty_stream_at_once()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        await using (var empty = JetStreamRig.Ok(rig.Context.OpenOrdered("s", new OrderedOptions { TellsEnd = true })))
        {
            Assert.True(JetStreamRig.Ok(await empty.ReadAsync(rig.Hang)).IsNone);
        }

        await rig.FillAsync("s", 3);
        await using var reader = JetStreamRig.Ok(rig.Context.OpenOrdered("s", new OrderedOptions { TellsEnd = true }));
        for (var i = 0; i < 3; i++)
        {
            using var message = JetStreamRig.Ok(await reader.ReadAsync(rig.Hang));
            Assert.Equal(i, JetStreamRig.Number(message));
        }

        Assert.True(JetStreamRig.Ok(await reader.ReadAsync(rig.Hang)).IsNone);
        await rig.FillAsync("s", 1, from: 3);
        using var live = JetStreamRig.Ok(await reader.ReadAsync(rig.Hang));
        Assert.Equal(3, JetStreamRig.Number(live));
    }

    [Fact]
    public async Task A_stream_that_is_gone_ends_the_reader()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        await using var reader = JetStreamRig.Ok(rig.Context.OpenOrdered("s", new OrderedOptions { Pull = JetStreamRig.Quick }));
        var waiting = reader.ReadAsync(rig.Hang).AsTask();
        await Task.Delay(200);
        Assert.True((await rig.Context.DeleteStreamAsync("s", rig.Hang)).IsNone);
        Assert.Equal(JetStreamFault.NotFound, (await waiting).Error.Fault);
    }

    [Fact]
    public async Task A_stream_that_was_made_anew_under_its_name_ends_the_reader_of_the_former_one()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await rig.StreamAsync("s");
        await rig.FillAsync("s", 3);
        await using var reader = JetStreamRig.Ok(rig.Context.OpenOrdered("s", new OrderedOptions { Pull = JetStreamRig.Quick }));
        for (var i = 0; i < 3; i++)
        {
            using var message = JetStreamRig.Ok(await reader.ReadAsync(rig.Hang));
        }

        // Three of the new one would be skipped as read, and the fourth taken for the next of the former.
        Assert.True((await rig.Context.DeleteStreamAsync("s", rig.Hang)).IsNone);
        _ = await rig.StreamAsync("s");
        await rig.FillAsync("s", 5, from: 10);
        var read = await reader.ReadAsync(rig.Hang);
        Assert.Equal(JetStreamFault.NotFound, read.Error.Fault);
        Assert.Contains("another of its name", read.Error.Text, StringComparison.Ordinal);
    }

    private static async Task DeleteConsumersAsync(JetStreamRig rig)
    {
        var api = new JetStreamApi(rig.Context.Connection, rig.Context.Options, TimeProvider.System);
        var names = JetStreamRig.Ok(await api.AskAsync("CONSUMER.NAMES.s", default, rig.Hang));
        foreach (var name in names.GetProperty("consumers").EnumerateArray())
        {
            Assert.True((await rig.Context.DeleteConsumerAsync("s", name.GetString()!, rig.Hang)).IsNone);
        }
    }
}
