using System.Net;
using Jesus.Appliance.Security;
using Jesus.Appliance.Security.Keys;
using Jesus.Appliance.Storage;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tests.Storage;

namespace Jesus.Appliance.Tests.Security;

public sealed class PrincipalResolverTests : IDisposable
{
    private static readonly DirectoryOptions People = new()
    {
        Users = new Dictionary<string, UserOptions> { ["alice"] = new() { Team = "research" } },
        Teams = new Dictionary<string, TeamOptions> { ["research"] = new() { Organisation = "acme" } },
    };

    private readonly SimulatedDisk _disk = new(1);
    private readonly Journal _journal;
    private readonly KeyStore _keys;

    public PrincipalResolverTests()
    {
        _journal = Journal.Open(_disk, "/state/journal", new JournalOptions { ZeroAheadBytes = 4096 }, TimeProvider.System);
        _keys = new KeyStore(_journal, TimeProvider.System);
        using var passwd = _disk.Open("/etc/passwd", DiskOpen.CreateNew);
        passwd.Write(0, "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/sh\n"u8);
    }

    public void Dispose() => _journal.Dispose();

    [Fact]
    public void A_socket_peer_is_the_local_user_with_all_roles()
    {
        Assert.Equal(new Principal("local:alice", PrincipalKind.LocalSocket, "alice", "research", "acme", Roles.All), Resolve(new() { PeerUid = 1000 }).Principal);
        Assert.Equal("local:uid-4711", Resolve(new() { PeerUid = 4711 }).Principal!.Id);
    }

    [Fact]
    public async Task A_key_decides_alone_even_on_the_socket_and_places_its_user()
    {
        var (created, _) = await _keys.CreateAsync(new KeyRequest("k", "alice", "", Roles.Models, null), Principal.System);
        var expected = new Principal(created!.Key.PrincipalId, PrincipalKind.ApiKey, "alice", "research", "acme", Roles.Models);
        Assert.Equal(expected, Resolve(new() { PeerUid = 0, Authorization = "Bearer " + created.Secret }).Principal);
        Assert.Equal(expected, Resolve(new() { Address = IPAddress.Parse("10.0.0.7"), ApiKey = created.Secret }).Principal);
        Assert.Null(Resolve(new() { PeerUid = 0, ApiKey = KeySecret.Create() }).Principal);
    }

    [Fact]
    public async Task A_refusal_says_what_to_do_and_never_shows_the_secret()
    {
        var (created, _) = await _keys.CreateAsync(new KeyRequest("k", "alice", "", Roles.Models, null), Principal.System);
        await _keys.RevokeAsync(created!.Key.Id, Principal.System);
        var refusal = Resolve(new() { ApiKey = created.Secret }).Refusal!;
        Assert.Contains("revoked", refusal, StringComparison.Ordinal);
        Assert.Contains("jesus keys create", refusal, StringComparison.Ordinal);
        Assert.DoesNotContain(created.Secret, refusal, StringComparison.Ordinal);
        Assert.Contains("Bearer", Resolve(new() { Authorization = "Basic abc" }).Refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1:7470", null, true)]
    [InlineData("::1", "[::1]:7470", null, true)]
    [InlineData("127.0.0.1", "localhost", "http://localhost:7470", true)]
    [InlineData("127.0.0.1", null, null, true)]
    [InlineData("127.0.0.1", "evil.example:7470", null, false)]
    [InlineData("127.0.0.1", "localhost.evil.example", null, false)]
    [InlineData("127.0.0.1", "localhost:7470", "https://evil.example", false)]
    [InlineData("127.0.0.1", "localhost:7470", "null", false)]
    [InlineData("10.0.0.7", "localhost:7470", null, false)]
    public void Loopback_is_trusted_only_under_its_own_name_and_from_no_web_page(string address, string? host, string? origin, bool trusted)
    {
        var evidence = new DoorEvidence { Address = IPAddress.Parse(address), Host = host, Origin = origin };
        Assert.Equal(trusted ? "local:loopback" : null, Resolve(evidence).Principal?.Id);
        Assert.Null(Resolve(evidence, new SecurityOptions { TrustLoopback = false }).Principal);
    }

    [Fact]
    public void The_directory_names_every_team_that_is_not_listed()
    {
        var errors = UserDirectory.Check(new DirectoryOptions
        {
            Users = new Dictionary<string, UserOptions> { ["a"] = new() { Team = "x" }, ["b"] = new() { Team = "y" }, ["c"] = new() },
            Teams = new Dictionary<string, TeamOptions> { ["y"] = new() },
        });
        Assert.Equal("directory.users.a.team: there is no team 'x' in directory.teams (there are: y)", Assert.Single(errors));
    }

    private DoorAnswer Resolve(DoorEvidence evidence, SecurityOptions? options = null) =>
        new PrincipalResolver(_keys, new UserDirectory(People), options ?? new SecurityOptions(), new LocalUsers(_disk)).Resolve(evidence);
}
