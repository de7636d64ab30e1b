using Jesus.Appliance.Security;
using Jesus.Appliance.Security.Keys;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tests.Storage;

namespace Jesus.Appliance.Tests.Security.Keys;

public sealed class KeyStoreTests : IDisposable
{
    private readonly FixedTime _time = new();
    private readonly Journal _journal;
    private readonly KeyStore _keys;

    public KeyStoreTests()
    {
        _journal = Journal.Open(new SimulatedDisk(1), "/state/journal", new JournalOptions { ZeroAheadBytes = 4096 }, _time);
        _keys = new KeyStore(_journal, _time);
    }

    public void Dispose() => _journal.Dispose();

    [Fact]
    public async Task A_new_key_authenticates_as_its_user_with_its_roles()
    {
        var created = await CreateAsync();
        Assert.Equal(KeyRefusal.None, _keys.Authenticate(created.Secret, out var key));
        Assert.Equal(created.Key, key);
        Assert.Equal(("alice", "research", Roles.Models), (key!.User, key.Team, key.Roles));
    }

    [Fact]
    public async Task The_secret_stands_nowhere_in_the_journal()
    {
        var created = await CreateAsync();
        var text = string.Concat(_journal.ReadAfter(JournalPosition.Start).Select(r => System.Text.Encoding.UTF8.GetString(r.Payload.Span)));
        Assert.Contains(created.Key.Id, text, StringComparison.Ordinal);
        Assert.DoesNotContain(created.Secret, text, StringComparison.Ordinal);
        Assert.DoesNotContain(created.Secret[4..20], text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restart_knows_the_same_keys_and_revocations()
    {
        var kept = await CreateAsync();
        var ended = await CreateAsync();
        Assert.Null(await _keys.RevokeAsync(ended.Key.Id, Principal.System));
        var again = new KeyStore(_journal, _time);
        JournalReplay.Run(_journal, again);
        Assert.Equal(_keys.List(), again.List());
        Assert.Equal(KeyRefusal.None, again.Authenticate(kept.Secret, out _));
        Assert.Equal(KeyRefusal.Revoked, again.Authenticate(ended.Secret, out var none));
        Assert.Null(none);
    }

    [Fact]
    public async Task An_expired_key_is_refused_from_its_last_moment_on()
    {
        var (created, _) = await _keys.CreateAsync(new KeyRequest("short", "alice", "", Roles.Models, _time.GetUtcNow().AddMinutes(1)), Principal.System);
        _time.Move(TimeSpan.FromSeconds(59));
        Assert.Equal(KeyRefusal.None, _keys.Authenticate(created!.Secret, out _));
        _time.Move(TimeSpan.FromSeconds(1));
        Assert.Equal(KeyRefusal.Expired, _keys.Authenticate(created.Secret, out _));
    }

    [Fact]
    public async Task Every_single_changed_character_makes_a_key_malformed()
    {
        var secret = (await CreateAsync()).Secret;
        for (var i = 0; i < secret.Length; i++)
        {
            var changed = secret.ToCharArray();
            changed[i] = changed[i] == 'x' ? 'y' : 'x';
            Assert.Equal(KeyRefusal.Malformed, _keys.Authenticate(changed, out _));
        }

        Assert.Equal(KeyRefusal.Malformed, _keys.Authenticate("", out _));
        Assert.Equal(KeyRefusal.Unknown, _keys.Authenticate(KeySecret.Create(), out _));
    }

    [Fact]
    public void A_thousand_secrets_are_well_formed_and_differ()
    {
        var secrets = Enumerable.Range(0, 1000).Select(_ => KeySecret.Create()).ToHashSet();
        Assert.Equal(1000, secrets.Count);
        Assert.All(secrets, s => Assert.True(KeySecret.IsWellFormed(s)));
    }

    [Fact]
    public async Task A_bad_request_is_refused_in_words()
    {
        Assert.Contains("user", (await _keys.CreateAsync(new KeyRequest("n", "", "", Roles.Models, null), Principal.System)).Error, StringComparison.Ordinal);
        Assert.Contains("role", (await _keys.CreateAsync(new KeyRequest("n", "u", "", Roles.None, null), Principal.System)).Error, StringComparison.Ordinal);
        Assert.Contains("expired", (await _keys.CreateAsync(new KeyRequest("n", "u", "", Roles.All, _time.GetUtcNow()), Principal.System)).Error, StringComparison.Ordinal);
        Assert.Contains("jesus keys list", await _keys.RevokeAsync("none", Principal.System), StringComparison.Ordinal);
    }

    private async Task<CreatedKey> CreateAsync() =>
        (await _keys.CreateAsync(new KeyRequest("laptop", "alice", "research", Roles.Models, null), Principal.System)).Key!;
}
