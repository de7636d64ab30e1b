using Jesus.Tests.Nats;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;

namespace Jesus.Transport.Tests.Nats;

/// <summary>Every way to be let in, and that the wrong word is not.</summary>
public sealed class NatsAuthTests : IDisposable
{
    private readonly NatsTls _tls = new();

    public void Dispose() => _tls.Dispose();

    [Fact]
    public async Task User_and_password_let_in()
    {
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { Auth = NatsAuth.User("box", "s3cret") });
        await AssertLetInAsync(Client.Options(server.Url) with { User = "box", Password = "s3cret" });
        await AssertLetInAsync(Client.Options($"nats://box:s3cret@127.0.0.1:{server.Port}"));
        await AssertRefusedAsync(Client.Options(server.Url) with { User = "box", Password = "wrong" }, "Authorization Violation");
        await AssertRefusedAsync(Client.Options(server.Url), "Authorization Violation");
    }

    [Fact]
    public async Task A_token_lets_in()
    {
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { Auth = NatsAuth.Token("t0ken") });
        await AssertLetInAsync(Client.Options(server.Url) with { Token = "t0ken" });
        await AssertLetInAsync(Client.Options($"nats://t0ken@127.0.0.1:{server.Port}"));
        await AssertRefusedAsync(Client.Options(server.Url) with { Token = "wrong" }, "Authorization Violation");
    }

    [Fact]
    public async Task A_nkey_lets_in()
    {
        var key = new NatsKey();
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { Auth = NatsAuth.NKey(key) });
        await AssertLetInAsync(Client.Options(server.Url) with { NkeySeed = key.Seed });
        await AssertRefusedAsync(Client.Options(server.Url) with { NkeySeed = new NatsKey().Seed }, "Authorization Violation");
        await AssertRefusedAsync(Client.Options(server.Url) with { NkeySeed = new NatsKey(NatsKeyKind.Account).Seed }, "not a user's");
    }

    [Fact]
    public async Task A_credentials_file_lets_in_and_is_read_anew_at_each_connect()
    {
        var issuer = new NatsOperator();
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { Auth = NatsAuth.Operator(issuer) });

        // Issued before: the server does not wait long for an answer, and the tests' own signatures are slow.
        var (ours, foreign) = (issuer.IssueUser("box"), new NatsOperator().IssueUser("box"));
        await AssertLetInAsync(Client.Options(server.Url) with { Credentials = () => ours });
        await AssertRefusedAsync(Client.Options(server.Url) with { Credentials = () => foreign }, "Authorization Violation");
        await AssertRefusedAsync(Client.Options(server.Url) with { Credentials = () => throw new FileNotFoundException("no such file") }, "no such file");
        await AssertRefusedAsync(Client.Options(server.Url) with { Credentials = () => "nothing" }, "NATS USER JWT");

        // The first file is wrong, the second right: nobody restarts anything.
        var reads = 0;
        await AssertLetInAsync(Client.Options(server.Url) with { Credentials = () => Interlocked.Increment(ref reads) == 1 ? "nothing" : ours });
        Assert.Equal(2, reads);
    }

    [Fact]
    public async Task Tls_is_begun_where_the_server_or_the_url_asks_for_it()
    {
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { Tls = _tls });
        var tls = new NatsTlsOptions { Trust = Trust(_tls.Authority) };
        await AssertLetInAsync(Client.Options(server.Url) with { Tls = tls });
        await AssertLetInAsync(Client.Options(Client.UrlOf(server.Port)) with { Tls = tls });
        await AssertRefusedAsync(Client.Options(Client.UrlOf(server.Port)), "TLS");
        await AssertRefusedAsync(Client.Options($"tls://localhost:{server.Port}") with { Tls = tls }, "TLS");
    }

    [Fact]
    public async Task A_server_without_tls_is_refused_where_tls_is_wanted()
    {
        await using var server = await NatsServer.StartAsync();
        await AssertRefusedAsync(Client.Options(Client.UrlOf(server.Port)) with { Tls = new NatsTlsOptions() }, "TLS is wanted");
        await AssertRefusedAsync(Client.Options($"tls://127.0.0.1:{server.Port}"), "TLS is wanted");
    }

    [Fact]
    public async Task A_certificate_of_ours_is_shown_where_the_server_wants_one()
    {
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { Tls = _tls, MutualTls = true });
        var (certificate, key) = _tls.IssueClient("box-a");
        await AssertLetInAsync(Client.Options(server.Url) with { Tls = new NatsTlsOptions { Trust = Trust(_tls.Authority, certificate, key) } });
        await AssertRefusedAsync(Client.Options(server.Url) with { Tls = new NatsTlsOptions { Trust = Trust(_tls.Authority) } }, "");
        using var stranger = new NatsTls();
        var (foreign, foreignKey) = stranger.IssueClient("box-a");
        await AssertRefusedAsync(Client.Options(server.Url) with { Tls = new NatsTlsOptions { Trust = Trust(_tls.Authority, foreign, foreignKey) } }, "");
    }

    [Fact]
    public async Task Tls_can_come_before_the_server_s_first_word()
    {
        await using var server = await NatsServer.StartAsync();
        await using var proxy = FaultProxy.TlsFirst(server.Port, _tls.Server);
        await AssertLetInAsync(Client.Options(Client.UrlOf(proxy.Port)) with { Tls = new NatsTlsOptions { Trust = Trust(_tls.Authority), First = true } });
        await AssertRefusedAsync(Client.Options(Client.UrlOf(proxy.Port)) with { Tls = new NatsTlsOptions { First = true } }, "TLS");
    }

    [Fact]
    public async Task A_certificate_that_has_run_out_is_refused()
    {
        using var old = new NatsTls(lastDay: -2);
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { Tls = old });
        await AssertRefusedAsync(Client.Options(server.Url) with { Tls = new NatsTlsOptions { Trust = Trust(old.Authority) } }, "its certificate expired on ");
    }

    private static TlsTrust Trust(string authority, string certificate = "", string key = "")
    {
        var (trust, error) = TlsTrust.Read(authority, certificate, key);
        Assert.Null(error);
        return trust!;
    }

    private static async Task AssertLetInAsync(NatsOptions options)
    {
        await using var client = await Client.ConnectAsync(options);
        await using var subscription = client.Subscribe(Client.Subject("echo"));
        var echo = Client.EchoAsync(client, subscription);
        for (var size = 1; size < 1_000_000; size *= 30)
        {
            Assert.Equal(new string('x', size), await Client.AskAsync(client, "echo", new string('x', size)));
        }
    }

    private static async Task AssertRefusedAsync(NatsOptions options, string reason)
    {
        var witness = new Witness();
        await using var client = Client.Start(options with { ReconnectDelayMinMs = 1 }, witness);
        await Client.EventuallyAsync(() => client.Statistics.ConnectFailures >= 3, "refused thrice");
        Assert.Equal(0, client.Statistics.Connects);
        Assert.Equal(NatsState.Connecting, client.State);

        // Told once, not at each try.
        await witness.HearsAsync(NatsEventKind.ConnectFailed);
        Assert.Contains(witness.All, e => e.Kind == NatsEventKind.ConnectFailed && e.Detail.Contains(reason, StringComparison.Ordinal));
        Assert.True(witness.Count(NatsEventKind.ConnectFailed) <= 2, string.Join("\n", witness.All));
    }
}
