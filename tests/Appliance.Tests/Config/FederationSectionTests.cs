using System.Collections;
using System.Text;
using Jesus.Appliance.Config;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Tests.Config;

public sealed class FederationSectionTests
{
    [Fact]
    public void Without_urls_nothing_is_on()
    {
        Assert.False(Load("{}").Config.Federation.IsOn);
        Assert.False(Load("""{ "federation": { "cluster": "c", "peer": "p" } }""").Config.Federation.IsOn);
        Assert.Empty(Load("""{ "federation": { "cluster": "c", "peer": "p" } }""").Errors);
    }

    [Fact]
    public void Everything_is_read_and_dumped_with_secrets_as_references()
    {
        var loaded = Load("""
            { "federation": { "cluster": "lab", "peer": "box-a", "offer": ["small-*"], "maxHops": 2, "durable": true, "replicas": 3,
              "nats": { "urls": ["nats://10.0.0.5:4222", "tls://nats.example"], "user": "box-a", "password": "env:NATS",
                "tls": { "caFile": "/ca.pem", "certificateFile": "/c.pem", "keyFile": "/k.pem", "first": true } },
              "callers": { "box-b": { "user": "bea", "team": "red", "roles": ["models"] }, "*": {} } } }
            """);
        Assert.Empty(loaded.Errors);
        var federation = loaded.Config.Federation;
        Assert.True(federation.IsOn && federation.Durable && federation.Nats.Tls.First);
        Assert.Equal(("lab", "box-a", 2, 3), (federation.Cluster, federation.Peer, federation.MaxHops, federation.Replicas));
        var dump = loaded.Dump().Values.ToDictionary(v => v.Path, v => v.Json);
        Assert.Equal("\"env:NATS\"", dump["federation.nats.password"]);
        Assert.Equal("\"small-*\"", dump["federation.offer[0]"]);
        Assert.Equal("\"bea\"", dump["federation.callers.box-b.user"]);
    }

    [Fact]
    public void Every_mistake_is_named_at_once()
    {
        var loaded = Load("""
            { "federation": { "cluster": "my cluster", "peer": "a.b", "maxHops": 9, "offers": [],
              "nats": { "urls": ["http://x", "nats://me:secret@x:4222", "nats://x:4222"], "user": "u", "password": "geheim", "token": "env:T", "tls": { "keyFile": "/k" } },
              "callers": { "no way": { "roles": ["admin"] } } } }
            """);
        Assert.Equal(
            [
                "federation.callers.no way", "federation.callers.no way.roles[0]", "federation.cluster", "federation.maxHops", "federation.nats", "federation.nats.password",
                "federation.nats.tls.keyFile", "federation.nats.urls[0]", "federation.nats.urls[1]", "federation.offers", "federation.peer",
            ],
            loaded.Errors.Select(e => e.Path).Order(StringComparer.Ordinal));
        Assert.All(loaded.Errors, e => Assert.DoesNotContain("geheim", e.ToString(), StringComparison.Ordinal));
        Assert.All(loaded.Errors, e => Assert.DoesNotContain("secret@", e.ToString(), StringComparison.Ordinal));
        Assert.All(loaded.Errors, e => Assert.True(e.Place.Line > 0));
    }

    [Theory]
    [InlineData("", "Box-A.lab.example", "box-a")]
    [InlineData("", "rack 5.x", "rack-5")]
    [InlineData("", "", "box")]
    [InlineData("mine", "host", "mine")]
    public void A_box_without_an_id_takes_its_hosts_name(string peer, string host, string id) => Assert.Equal(id, new FederationOptions { Peer = peer }.PeerOn(host));

    [Fact]
    public void A_peer_calls_as_whom_the_configuration_says_and_else_as_itself()
    {
        var directory = new UserDirectory(new DirectoryOptions
        {
            Users = new Dictionary<string, UserOptions> { ["bea"] = new() { Team = "red" } },
            Teams = new Dictionary<string, TeamOptions> { ["red"] = new() { Organisation = "lab" } },
        });
        var options = new FederationOptions
        {
            Callers = new Dictionary<string, PeerCallerOptions> { ["box-b"] = new() { User = "bea", Roles = ["models"] }, ["*"] = new() },
        };
        Assert.Equal(new Principal("peer:box-b", PrincipalKind.Peer, "bea", "red", "lab", Roles.Models), options.CallerOf("box-b")!.PrincipalOf("box-b", directory));
        Assert.Equal(new Principal("peer:box-c", PrincipalKind.Peer, "peer:box-c", "", "default", Roles.Models | Roles.Runs),
            options.CallerOf("box-c")!.PrincipalOf("box-c", directory));
        Assert.Null(new FederationOptions { Callers = new Dictionary<string, PeerCallerOptions> { ["box-b"] = new() } }.CallerOf("box-c"));
    }

    private static LoadedConfig Load(string json) => ConfigLoader.Parse(Encoding.UTF8.GetBytes(json), "test.json", new Hashtable());
}
