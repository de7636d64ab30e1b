using System.Text;
using Jesus.Tests.Nats;

namespace Jesus.Transport.Tests.Nats.Harness;

/// <summary>The tests' own nats-server: what the other tests stand on.</summary>
public sealed class NatsServerTests
{
    [Fact]
    public async Task A_server_carries_a_message_and_says_who_it_is()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await RawNats.ConnectAsync(server.Port);
        Assert.Equal("one", client.Info.GetProperty("server_name").GetString());
        await client.SubscribeAsync("a.>");
        await client.PublishAsync("a.b", "hello", "reply.to");
        var (subject, reply, payload) = await client.NextAsync();
        Assert.Equal(("a.b", "reply.to", "hello"), (subject, reply, Encoding.UTF8.GetString(payload)));
    }

    [Fact]
    public async Task A_killed_server_comes_back_on_its_port_with_its_streams()
    {
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { JetStream = true });
        var port = server.Port;
        await using (var before = await RawNats.ConnectAsync(port))
        {
            await AskAsync(before, "$JS.API.STREAM.CREATE.KEPT", """{"name":"KEPT","subjects":["kept"],"storage":"file"}""");
            await AskAsync(before, "kept", "one");
        }

        await server.RestartAsync();
        Assert.Equal(port, server.Port);
        await using var after = await RawNats.ConnectAsync(port);
        Assert.Contains("\"messages\":1", await AskAsync(after, "$JS.API.STREAM.INFO.KEPT", ""), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lame_duck_tells_its_clients_and_ends()
    {
        await using var server = await NatsServer.StartAsync();
        await using var client = await RawNats.ConnectAsync(server.Port);
        server.LameDuck();
        await server.WaitForExitAsync();
        Assert.Contains("lame duck", server.Log, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Only_who_has_the_password_the_token_or_the_key_comes_in()
    {
        await using (var server = await NatsServer.StartAsync(new NatsServerOptions { Auth = NatsAuth.User("box", "secret") }))
        {
            await using var client = await RawNats.ConnectAsync(server.Port, "\"user\":\"box\",\"pass\":\"secret\"");
            await Assert.ThrowsAnyAsync<IOException>(() => RawNats.ConnectAsync(server.Port, "\"user\":\"box\",\"pass\":\"wrong\""));
        }

        await using (var server = await NatsServer.StartAsync(new NatsServerOptions { Auth = NatsAuth.Token("secret") }))
        {
            await using var client = await RawNats.ConnectAsync(server.Port, "\"auth_token\":\"secret\"");
            await Assert.ThrowsAnyAsync<IOException>(() => RawNats.ConnectAsync(server.Port));
        }

        var (key, other) = (new NatsKey(), new NatsKey());
        await using (var server = await NatsServer.StartAsync(new NatsServerOptions { Auth = NatsAuth.NKey(key) }))
        {
            await using var client = await RawNats.ConnectAsync(server.Port, key: key);
            await Assert.ThrowsAnyAsync<IOException>(() => RawNats.ConnectAsync(server.Port, key: other));
        }
    }

    [Fact]
    public async Task A_user_of_an_operator_comes_in_by_its_jwt_and_is_held_to_its_permissions()
    {
        var issuer = new NatsOperator();
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { Auth = NatsAuth.Operator(issuer) });
        var key = new NatsKey();
        var jwt = issuer.IssueUser(key, "box", publish: ["mine.>"], subscribe: ["mine.>"]);
        await using var client = await RawNats.ConnectAsync(server.Port, $"\"jwt\":\"{jwt}\"", key);
        await client.SubscribeAsync("mine.>");
        await client.PublishAsync("mine.own", "hello");
        Assert.Equal("mine.own", (await client.NextAsync()).Subject);
        await client.PublishAsync("theirs", "hello");
        await client.FlushAsync();
        Assert.Contains(client.Errors, e => e.Contains("Permissions Violation for Publish to \"theirs\"", StringComparison.Ordinal));
        await Assert.ThrowsAnyAsync<IOException>(() => RawNats.ConnectAsync(server.Port));
        await Assert.ThrowsAnyAsync<IOException>(() => RawNats.ConnectAsync(server.Port, $"\"jwt\":\"{jwt}\"", new NatsKey()));
    }

    [Fact]
    public async Task A_mutual_tls_server_lets_in_who_has_a_certificate_of_its_authority()
    {
        using var tls = new NatsTls();
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { Tls = tls, MutualTls = true });
        var (certificate, key) = tls.IssueClient("box-a");
        using var own = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPemFile(certificate, key);
        await using var client = await RawNats.ConnectAsync(server.Port, certificate: own);
        await client.FlushAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => RawNats.ConnectAsync(server.Port, tls: true));
    }

    [Fact]
    public async Task Three_servers_are_one_and_a_leaf_hangs_on_a_hub()
    {
        await using var cluster = await NatsCluster.StartAsync(new NatsServerOptions { JetStream = true });
        await using (var one = await RawNats.ConnectAsync(cluster.Servers[0].Port))
        {
            var made = await AskAsync(one, "$JS.API.STREAM.CREATE.THRICE", """{"name":"THRICE","subjects":["thrice"],"storage":"file","num_replicas":3}""");
            Assert.Contains("\"replicas\":[", made, StringComparison.Ordinal);
        }

        await using var hub = await NatsServer.StartAsync(new NatsServerOptions { Name = "hub", AcceptLeaves = true });
        await using var leaf = await NatsServer.StartAsync(new NatsServerOptions { Name = "leaf", LeafOf = hub.LeafPort });
        await using var near = await RawNats.ConnectAsync(leaf.Port);
        await using var far = await RawNats.ConnectAsync(hub.Port);
        await near.SubscribeAsync("across");
        await near.FlushAsync();
        for (var tries = 0; tries < 500 && !near.TryNext(out _); tries++)
        {
            await far.PublishAsync("across", "hello");
            await far.FlushAsync();
            await near.FlushAsync();
            await Task.Delay(10);
        }

        await far.PublishAsync("across", "hello");
        Assert.Equal("across", (await near.NextAsync()).Subject);
    }

    private static async Task<string> AskAsync(RawNats client, string subject, string payload)
    {
        await client.SubscribeAsync("answers");
        await client.PublishAsync(subject, payload, "answers");
        return Encoding.UTF8.GetString((await client.NextAsync()).Payload);
    }
}
