using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Security.Keys;

/// <summary>
/// API keys: made and revoked through the journal, looked up in memory. The index is folded from the journal at the start (see
/// <see cref="JournalReplay"/>); a change is in it as soon as it is durable. Thread-safe.
/// </summary>
public sealed class KeyStore(IJournal journal, TimeProvider time) : IJournalFold
{
    /// <summary>Keys ever made, revoked ones included: 10,000 of them are 5 MB. Beyond that, people belong into an identity provider.</summary>
    public const int KeysMax = 10_000;
    private const int NameLengthMax = 128;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _byId = new(StringComparer.Ordinal);
    private readonly Dictionary<ulong, Entry> _byHash = [];

    public ReadOnlySpan<JournalKind> Kinds => [JournalKind.Key];

    /// <summary>Makes a key; durable when this completes.</summary>
    /// <returns>The key, or what is wrong with the request.</returns>
    public async ValueTask<(CreatedKey? Key, string? Error)> CreateAsync(KeyRequest request, Principal by)
    {
        if (Check(request) is { } error)
        {
            return (null, error);
        }

        var secret = KeySecret.Create();
        var record = new KeyRecord
        {
            Event = KeyRecord.CreatedEvent,
            Id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6)),
            By = by.Id,
            Name = request.Name,
            User = request.User,
            Team = request.Team,
            Roles = request.Roles,
            Hash = Convert.ToHexStringLower(KeySecret.Hash(secret)),
            Expires = request.Expires,
        };
        await WriteAsync(record).ConfigureAwait(false);
        return (new CreatedKey(Find(record.Id)!, secret), null);
    }

    /// <summary>Ends a key at once; durable when this completes.</summary>
    /// <returns>Null, or why not.</returns>
    public async ValueTask<string?> RevokeAsync(string id, Principal by)
    {
        if (Find(id) is not { } key)
        {
            return $"There is no key '{id}'; `jesus keys list` shows them.";
        }

        if (key.Revoked is null)
        {
            await WriteAsync(new KeyRecord { Event = KeyRecord.RevokedEvent, Id = id, By = by.Id }).ConfigureAwait(false);
        }

        return null;
    }

    /// <summary>All keys, oldest first.</summary>
    public IReadOnlyList<ApiKey> List()
    {
        lock (_gate)
        {
            var keys = new List<ApiKey>(_byId.Count);
            foreach (var entry in _byId.Values)
            {
                keys.Add(entry.Key);
            }

            keys.Sort((a, b) => a.Created != b.Created ? a.Created.CompareTo(b.Created) : string.CompareOrdinal(a.Id, b.Id));
            return keys;
        }
    }

    public ApiKey? Find(string id)
    {
        lock (_gate)
        {
            return _byId.TryGetValue(id, out var entry) ? entry.Key : null;
        }
    }

    /// <summary>The key of a secret, if it may be used now.</summary>
    public KeyRefusal Authenticate(ReadOnlySpan<char> secret, out ApiKey? key)
    {
        key = null;
        if (!KeySecret.IsWellFormed(secret))
        {
            return KeyRefusal.Malformed;
        }

        var hash = KeySecret.Hash(secret);
        Entry? entry;
        lock (_gate)
        {
            _byHash.TryGetValue(BinaryPrimitives.ReadUInt64LittleEndian(hash), out entry);
        }

        // The dictionary sees only a hash, from which nothing leads back to the secret; the whole of it is compared in constant time.
        if (entry is null || !CryptographicOperations.FixedTimeEquals(entry.Hash, hash))
        {
            return KeyRefusal.Unknown;
        }

        if (entry.Key.Revoked is not null)
        {
            return KeyRefusal.Revoked;
        }

        if (entry.Key.Expires <= time.GetUtcNow())
        {
            return KeyRefusal.Expired;
        }

        key = entry.Key;
        return KeyRefusal.None;
    }

    public void Apply(in JournalRecord record) =>
        Apply(JsonSerializer.Deserialize(record.Payload.Span, KeyJson.Default.KeyRecord)!, new DateTimeOffset(record.UtcTicks, TimeSpan.Zero));

    private string? Check(KeyRequest request)
    {
        if (request.User.Length == 0)
        {
            return "A key needs a user, whose caps apply to it: --user NAME.";
        }

        if (request.Name.Length > NameLengthMax || request.User.Length > NameLengthMax || request.Team.Length > NameLengthMax)
        {
            return $"The name, the user and the team of a key have at most {NameLengthMax} characters each.";
        }

        if (request.Roles == Roles.None || (request.Roles & ~Roles.All) != 0)
        {
            return "A key needs at least one role of: models, runs, admin.";
        }

        if (request.Expires <= time.GetUtcNow())
        {
            return "The key would already be expired: give a later time.";
        }

        lock (_gate)
        {
            return _byId.Count < KeysMax ? null : $"There are {KeysMax} keys already, revoked ones included; that is the most this box keeps.";
        }
    }

    private async ValueTask WriteAsync(KeyRecord record)
    {
        var now = time.GetUtcNow();
        await journal.AppendAsync(JournalKind.Key, JsonSerializer.SerializeToUtf8Bytes(record, KeyJson.Default.KeyRecord)).ConfigureAwait(false);
        Apply(record, now);
    }

    private void Apply(KeyRecord record, DateTimeOffset at)
    {
        lock (_gate)
        {
            if (record.Event == KeyRecord.RevokedEvent)
            {
                Revoke(record.Id, at);
            }
            else if (record.Event == KeyRecord.CreatedEvent && record.Hash is not null)
            {
                var key = new ApiKey(record.Id, record.Name ?? "", record.User ?? "", record.Team ?? "", record.Roles, at, record.By, record.Expires, null);
                var entry = new Entry(key, Convert.FromHexString(record.Hash));
                _byId[key.Id] = entry;
                _byHash[BinaryPrimitives.ReadUInt64LittleEndian(entry.Hash)] = entry;
            }
        }
    }

    private void Revoke(string id, DateTimeOffset at)
    {
        if (_byId.TryGetValue(id, out var entry) && entry.Key.Revoked is null)
        {
            var revoked = entry with { Key = entry.Key with { Revoked = at } };
            _byId[id] = revoked;
            _byHash[BinaryPrimitives.ReadUInt64LittleEndian(entry.Hash)] = revoked;
        }
    }

    private sealed record Entry(ApiKey Key, byte[] Hash);
}
