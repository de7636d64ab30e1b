using System.Security.Cryptography.X509Certificates;
using System.Text;
using Jesus.Tests.Nats;

namespace Jesus.EndToEnd.Fleet;

/// <summary>The server configuration of docs/federation.md against a real nats-server: a box that was taken over does no more than that box may.</summary>
public sealed class PermissionTests
{
    private static readonly string[] Boxes = ["box-a", "box-b", "box-c"];

    [Fact]
    public async Task A_box_speaks_in_its_own_place_and_in_no_others()
    {
        using var config = await HomeAsync();
        await using var server = await config.StartServerAsync();
        await using var a = await config.EnterAsync(server, "box-a");
        string[] own = ["jesus.home.peer.box-a.status", "jesus.home.telemetry.box-a", "jesus.home.infer.nano.box-a", "jesus.home.peer.box-b.infer.box-a",
            "jesus.home.peer.box-b.credit.box-a", "jesus.home.peer.box-b.cancel.box-a", "jesus.home.peer.box-b.welcome.box-a"];
        foreach (var subject in own)
        {
            Assert.Empty(await ComplaintsAsync(a, () => a.PublishAsync(subject, "")));
        }

        string[] others = ["jesus.home.peer.box-b.status", "jesus.home.telemetry.box-b", "jesus.home.infer.nano.box-b", "jesus.home.peer.box-c.infer.box-b",
            "jesus.home.peer.box-c.credit.box-b", "jesus.home.peer.box-c.cancel.box-b", "jesus.home.peer.box-c.welcome.box-b", "jesus.home.peer.box-a.infer.box-b",
            "_INBOX.jesus.box-b.1", "_INBOX.jesus.box-b.box-c.1", "jesus.lab.peer.box-a.status", "jesus.home.run.submit.box-a", "$JS.API.INFO",
            "$KV.jesus_home_budget.loan.box-a.x",
            "$SYS.REQ.SERVER.PING", "anything"];
        foreach (var subject in others)
        {
            Assert.Contains("Publish", Assert.Single(await ComplaintsAsync(a, () => a.PublishAsync(subject, ""))), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_box_hears_what_is_meant_for_it_or_for_all_and_nothing_else()
    {
        using var config = await HomeAsync();
        await using var server = await config.StartServerAsync();
        await using var a = await config.EnterAsync(server, "box-a");
        string[] own = ["_INBOX.jesus.box-a.1.*", "jesus.home.peer.*.status", "jesus.home.telemetry.*", "jesus.home.peer.box-a.infer.*", "jesus.home.peer.box-a.credit.*",
            "jesus.home.peer.box-a.cancel.*", "jesus.home.peer.box-a.welcome.*"];
        foreach (var subject in own)
        {
            Assert.Empty(await ComplaintsAsync(a, () => a.SubscribeAsync(subject)));
        }

        Assert.Empty(await ComplaintsAsync(a, () => a.SubscribeAsync("jesus.home.infer.nano.*", "infer")));
        string[] others = [">", "_INBOX.>", "_INBOX.jesus.>", "_INBOX.jesus.box-b.>", "jesus.>", "jesus.home.>", "jesus.home.peer.>", "jesus.home.peer.box-b.infer.*",
            "jesus.home.peer.*.infer.*", "jesus.home.peer.box-b.credit.*", "jesus.home.peer.*.cancel.*", "jesus.home.infer.nano.*", "jesus.home.infer.>", "jesus.lab.peer.*.status",
            "$JS.>", "$SYS.>"];
        foreach (var subject in others)
        {
            Assert.Contains("Subscription", Assert.Single(await ComplaintsAsync(a, () => a.SubscribeAsync(subject))), StringComparison.Ordinal);
        }

        Assert.NotEmpty(await ComplaintsAsync(a, () => a.SubscribeAsync("jesus.home.infer.nano.*", "spies")));
    }

    [Fact]
    public async Task A_box_answers_where_its_own_id_stands_and_writes_nowhere_else_in_an_inbox()
    {
        using var config = await HomeAsync();
        await using var server = await config.StartServerAsync();
        await using var a = await config.EnterAsync(server, "box-a");
        await using var b = await config.EnterAsync(server, "box-b");
        await using var c = await config.EnterAsync(server, "box-c");
        await a.SubscribeAsync("jesus.home.peer.box-a.infer.*");
        await a.FlushAsync();
        await b.SubscribeAsync("_INBOX.jesus.box-b.>");
        await b.PublishAsync("jesus.home.peer.box-a.infer.box-b", "ask", "_INBOX.jesus.box-b.box-a.1f");
        var asked = await a.NextAsync();
        for (var i = 0; i < 1_000; i++)
        {
            await a.PublishAsync(asked.Reply, "token");
        }

        for (var i = 0; i < 1_000; i++)
        {
            Assert.Equal("_INBOX.jesus.box-b.box-a.1f", (await b.NextAsync()).Subject);
        }

        Assert.Empty(a.Errors);
        Assert.NotEmpty(await ComplaintsAsync(a, () => a.PublishAsync("_INBOX.jesus.box-b.box-c.1f", "forged")));
        Assert.NotEmpty(await ComplaintsAsync(a, () => a.PublishAsync("_INBOX.jesus.box-b.0123456789abcdef.000000010001", "forged")));
        Assert.NotEmpty(await ComplaintsAsync(c, () => c.PublishAsync(asked.Reply, "forged")));
        await b.FlushAsync();
        Assert.False(b.TryNext(out _), "a box that was not asked reached an inbox");
    }

    /// <summary>NATS's allow_responses would let a box publish wherever a message that it received wants its reply; and a box can ask itself.</summary>
    [Fact]
    public async Task A_box_that_asks_itself_with_anothers_place_to_reply_to_gains_nothing()
    {
        using var config = await HomeAsync();
        await using var server = await config.StartServerAsync();
        await using var a = await config.EnterAsync(server, "box-a");
        await a.SubscribeAsync("jesus.home.peer.box-a.infer.*");
        await a.PublishAsync("jesus.home.peer.box-a.infer.box-a", "ask", "jesus.home.peer.box-b.status");
        Assert.Equal("jesus.home.peer.box-b.status", (await a.NextAsync()).Reply);
        Assert.NotEmpty(await ComplaintsAsync(a, () => a.PublishAsync("jesus.home.peer.box-b.status", "forged")));
    }

    [Fact]
    public async Task The_credentials_of_another_cluster_reach_nothing()
    {
        using var config = await HomeAsync();
        await config.AddAsync("lab", "127.0.0.1", false, "box-x");
        await using var server = await config.StartServerAsync();
        await using var home = await config.EnterAsync(server, "box-b");
        foreach (var subject in new[] { "jesus.home.peer.*.status", "jesus.home.telemetry.*", "jesus.home.peer.box-b.infer.*", "_INBOX.jesus.box-b.>" })
        {
            await home.SubscribeAsync(subject);
        }

        await home.FlushAsync();
        await using var thief = await config.EnterAsync(server, "box-x");
        foreach (var subject in new[] { "jesus.home.peer.box-x.status", "jesus.home.peer.box-a.status", "jesus.home.peer.box-b.infer.box-x", "_INBOX.jesus.box-b.1" })
        {
            Assert.NotEmpty(await ComplaintsAsync(thief, () => thief.PublishAsync(subject, "stolen")));
            Assert.NotEmpty(await ComplaintsAsync(thief, () => thief.SubscribeAsync(subject)));
        }

        // Where it may speak it is alone: accounts share no subject.
        await thief.PublishAsync("jesus.lab.peer.box-x.status", "");
        await thief.FlushAsync();
        await home.FlushAsync();
        Assert.False(home.TryNext(out _), "a box of another cluster was heard");
    }

    [Fact]
    public async Task Half_of_a_boxs_credentials_opens_nothing()
    {
        using var config = await HomeAsync();
        await using var server = await config.StartServerAsync();
        var key = config.KeyOf("box-a");
        using var certificate = config.CertificateOf("box-a");
        await Assert.ThrowsAnyAsync<IOException>(() => RawNats.ConnectAsync(server.Port, key: key));
        await Assert.ThrowsAnyAsync<Exception>(() => RawNats.ConnectAsync(server.Port, key: key, tls: true));
        await Assert.ThrowsAnyAsync<IOException>(() => RawNats.ConnectAsync(server.Port, certificate: certificate));
        await Assert.ThrowsAnyAsync<IOException>(() => RawNats.ConnectAsync(server.Port, key: new NatsKey(), certificate: certificate));
        using var strangers = new NatsTls();
        var (file, secret) = strangers.IssueClient("box-a");
        using var forged = X509Certificate2.CreateFromPemFile(file, secret);
        await Assert.ThrowsAnyAsync<Exception>(() => RawNats.ConnectAsync(server.Port, key: key, certificate: forged));
        await using var whole = await config.EnterAsync(server, "box-a");
        await whole.FlushAsync();
    }

    [Fact]
    public async Task Made_again_with_one_box_more_the_configuration_keeps_the_keys_that_are_there()
    {
        using var config = await HomeAsync();
        var before = config.KeyOf("box-a").Public;
        await config.AddAsync("home", "127.0.0.1", false, "box-d");
        Assert.Equal(before, config.KeyOf("box-a").Public);
        await using var server = await config.StartServerAsync();
        await using var a = await config.EnterAsync(server, "box-a");
        await using var d = await config.EnterAsync(server, "box-d");
        await d.SubscribeAsync("jesus.home.peer.*.status");
        await d.FlushAsync();
        await a.PublishAsync("jesus.home.peer.box-a.status", "here");
        Assert.Equal("here", Encoding.UTF8.GetString((await d.NextAsync()).Payload));
    }

    /// <summary>JetStream's own subjects are ways around: who creates a stream chooses what it hears, who creates a consumer where it delivers.</summary>
    [Fact]
    public async Task Of_jetstream_a_box_has_the_clusters_stores_and_only_the_founder_makes_them()
    {
        using var config = await HomeAsync(durable: true);
        await config.AddAsync("lab", "127.0.0.1", true, "box-x");
        await using var server = await config.StartServerAsync();
        await using var a = await config.EnterAsync(server, "box-a");
        await using var b = await config.EnterAsync(server, "box-b");
        await using var x = await config.EnterAsync(server, "box-x");
        foreach (var (store, subject) in new[] { ("jesus_home_submits", "jesus.home.run.submit.*"), ("KV_jesus_home_budget", "$KV.jesus_home_budget.>"),
            ("KV_jesus_home_runs", "$KV.jesus_home_runs.>"), ("OBJ_jesus_home_artifacts", "$O.jesus_home_artifacts.>") })
        {
            var body = $$"""{"name":"{{store}}","subjects":["{{subject}}"],"storage":"memory"}""";
            Assert.NotEmpty(await ComplaintsAsync(b, () => b.PublishAsync($"$JS.API.STREAM.CREATE.{store}", body)));
            Assert.Empty(await ComplaintsAsync(a, () => a.PublishAsync($"$JS.API.STREAM.CREATE.{store}", body, "_INBOX.jesus.box-a.1")));
            Assert.Empty(await ComplaintsAsync(b, () => b.PublishAsync($"$JS.API.STREAM.INFO.{store}", "", "_INBOX.jesus.box-b.1")));
            Assert.NotEmpty(await ComplaintsAsync(x, () => x.PublishAsync($"$JS.API.STREAM.INFO.{store}", "")));
        }

        using var page = await server.MonitorAsync("/jsz?accounts=true&streams=true");
        Assert.Contains("\"streams\": 4", page.RootElement.GetRawText(), StringComparison.Ordinal);
        string[] own = ["jesus.home.run.submit.box-b", "$KV.jesus_home_budget.ask.box-b.1.box-a.x", "$KV.jesus_home_budget.loan.box-b.box-a.1.x", "$KV.jesus_home_runs.r1"];
        foreach (var subject in own)
        {
            Assert.Empty(await ComplaintsAsync(b, () => b.PublishAsync(subject, "")));
        }

        string[] others = ["jesus.home.run.submit.box-a", "$KV.jesus_home_budget.ask.box-a.1.box-b.x", "$KV.jesus_home_budget.loan.box-a.box-b.1.x", "$KV.jesus_lab_runs.r1",
            "$O.jesus_lab_artifacts.C.x",
            "$JS.API.STREAM.CREATE.SPY", "$JS.API.STREAM.UPDATE.KV_jesus_home_runs", "$JS.API.STREAM.DELETE.KV_jesus_home_runs", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST",
            "$JS.API.STREAM.PURGE.KV_jesus_home_budget", "$JS.API.STREAM.PURGE.jesus_home_submits", "$JS.API.STREAM.MSG.DELETE.KV_jesus_home_runs",
            "$JS.API.CONSUMER.CREATE.jesus_home_submits.spy",
            "$JS.API.CONSUMER.DELETE.jesus_home_submits.takers", "$JS.API.STREAM.SNAPSHOT.KV_jesus_home_runs", "$JS.API.STREAM.RESTORE.SPY", "$JS.API.ACCOUNT.PURGE.home",
            "$JS.API.META.LEADER.STEPDOWN"];
        foreach (var subject in others)
        {
            Assert.Contains("Publish", Assert.Single(await ComplaintsAsync(b, () => b.PublishAsync(subject, ""))), StringComparison.Ordinal);
        }
    }

    private static async Task<FleetConfig> HomeAsync(bool durable = false)
    {
        NatsServer.SkipIfMissing();
        var config = new FleetConfig();
        await config.AddAsync("home", "127.0.0.1", durable, Boxes);
        return config;
    }

    /// <summary>What the server says about one thing tried.</summary>
    private static async Task<string[]> ComplaintsAsync(RawNats client, Func<Task> tried)
    {
        var before = client.Errors.Count;
        await tried();
        await client.FlushAsync();
        return [.. client.Errors.Skip(before)];
    }
}
