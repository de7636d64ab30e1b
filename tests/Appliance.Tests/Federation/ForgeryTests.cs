using System.Globalization;
using Jesus.Appliance.Tests.Federation.Membership;
using Jesus.Tests.Nats;

namespace Jesus.Appliance.Tests.Federation;

/// <summary>Ways around the speaker's place in a subject, against a real server.</summary>
public sealed class ForgeryTests
{
    /// <summary>
    /// Whoever may make a consumer says where the server delivers what is stored, and the server publishes there whatever the maker itself may: the message comes under the
    /// subject that it was stored with. Here that has another box's id where a status has its sender's.
    /// </summary>
    [Fact]
    public async Task A_status_that_the_server_itself_was_made_to_deliver_is_nobodys()
    {
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { JetStream = true });
        await using var box = TestBox.Start("a", server.Url);
        await using var thief = await RawNats.ConnectAsync(server.Port);
        var stored = "$KV.thief.aaaaa" + "b" + ".status";
        Assert.Equal("jesus.lab.peer.".Length, stored.IndexOf("b.status", StringComparison.Ordinal));
        await AskAsync(thief, "$JS.API.STREAM.CREATE.T", """{"name":"T","subjects":["$KV.thief.>"],"storage":"memory"}""");
        await AskAsync(thief, "$JS.API.CONSUMER.CREATE.T",
            """{"stream_name":"T","config":{"deliver_subject":"jesus.lab.peer.b.status","ack_policy":"none","deliver_policy":"all"}}""");
        await thief.SendAsync("SUB jesus.lab.peer.b.status 77\r\n");
        await thief.FlushAsync();
        for (ulong n = 1; n <= 20; n++)
        {
            await PublishAsync(thief, stored, StatusOf(incarnation: 5, n));
        }

        // The server wakes a consumer only for a literal interest, which a box that may hear all statuses may have; then everybody who listens there gets it.
        for (var forged = 0; forged < 20;)
        {
            forged += (await thief.NextAsync()).Subject == stored ? 1 : 0;
        }

        await PublishAsync(thief, "jesus.lab.peer.d.status", StatusOf(incarnation: 5, 1));
        await box.SeesAsync("d", _ => true);
        Assert.Null(box.Hub.Peers.Find("b"));
    }

    [Fact]
    public async Task A_sender_whose_id_is_no_name_is_nobody()
    {
        await using var server = await NatsServer.StartAsync();
        await using var box = TestBox.Start("a", server.Url);
        await using var honest = TestBox.Start("c", server.Url);
        await box.SeesEligibleAsync("c");
        await using var stranger = await RawNats.ConnectAsync(server.Port);
        foreach (var id in new[] { "\u001b[31m", "né", "a=b", "$SYS", new string('x', 65) })
        {
            await PublishAsync(stranger, $"jesus.lab.peer.{id}.status", StatusOf(7, 1));
            await PublishAsync(stranger, $"jesus.lab.telemetry.{id}", StatusOf(7, 1));
        }

        await PublishAsync(stranger, "jesus.lab.peer.d.status", StatusOf(7, 1));
        await box.SeesAsync("d", _ => true);
        Assert.Equal(["c", "d"], box.Hub.Peers.Current.Select(p => p.Id).Order());
        Assert.DoesNotContain(box.Log.Lines, l => l.Text.Contains("not reachable", StringComparison.Ordinal));
    }

    private static byte[] StatusOf(ulong incarnation, ulong sequence) => Statuses.Bytes(Statuses.Head(incarnation, sequence), Statuses.Model("m"));

    private static async Task PublishAsync(RawNats client, string subject, byte[] payload)
    {
        await client.SendAsync($"PUB {subject} {payload.Length.ToString(CultureInfo.InvariantCulture)}\r\n");
        await client.SendAsync(payload);
        await client.SendAsync("\r\n");
    }

    private static async Task AskAsync(RawNats client, string subject, string payload)
    {
        await client.SendAsync("SUB answers 99\r\n");
        await client.PublishAsync(subject, payload, "answers");
        var answer = System.Text.Encoding.UTF8.GetString((await client.NextAsync()).Payload);
        await client.SendAsync("UNSUB 99\r\n");
        Assert.DoesNotContain("\"error\"", answer, StringComparison.Ordinal);
    }
}
