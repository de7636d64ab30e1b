using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Jesus.Tests.Nats;

/// <summary>
/// An operator with one account, which issues users: JWTs of version 2 signed with nkeys (github.com/nats-io/jwt), made here because Debian has no nsc.
/// </summary>
internal sealed class NatsOperator
{
    private readonly NatsKey _operator = new(NatsKeyKind.Operator);
    private readonly NatsKey _account = new(NatsKeyKind.Account);
    private readonly NatsKey _system = new(NatsKeyKind.Account);

    public NatsOperator()
    {
        var issuer = Issue(_operator, _operator.Public, "operator", new JsonObject { ["type"] = "operator", ["version"] = 2, ["system_account"] = _system.Public });
        ServerConfig = $$"""
            operator: {{issuer}}
            system_account: {{_system.Public}}
            resolver: MEMORY
            resolver_preload: {
              {{_account.Public}}: {{Issue(_operator, _account.Public, "boxes", AccountClaims(jetStream: true))}}
              {{_system.Public}}: {{Issue(_operator, _system.Public, "system", AccountClaims(jetStream: false))}}
            }
            """;
    }

    public string ServerConfig { get; }

    /// <summary>The text of a .creds file for a new user of the account.</summary>
    /// <param name="name">The user's name.</param>
    /// <param name="publish">Subjects it may publish; none given: all.</param>
    /// <param name="subscribe">Subjects it may subscribe; none given: all.</param>
    /// <param name="expires">When it ends by itself.</param>
    public string IssueUser(string name, string[]? publish = null, string[]? subscribe = null, DateTimeOffset? expires = null)
    {
        var user = new NatsKey();
        var jwt = IssueUser(user, name, publish, subscribe, expires);
        return $"""
            -----BEGIN NATS USER JWT-----
            {jwt}
            ------END NATS USER JWT------

            ************************* IMPORTANT *************************
            NKEY Seed printed below can be used to sign and prove identity.
            NKEYs are sensitive and should be treated as secrets.

            -----BEGIN USER NKEY SEED-----
            {user.Seed}
            ------END USER NKEY SEED------

            *************************************************************

            """;
    }

    /// <summary>The JWT alone, for a key of the caller's.</summary>
    public string IssueUser(NatsKey user, string name, string[]? publish = null, string[]? subscribe = null, DateTimeOffset? expires = null)
    {
        var claims = new JsonObject
        {
            ["type"] = "user",
            ["version"] = 2,
            ["pub"] = Allow(publish),
            ["sub"] = Allow(subscribe),
            ["subs"] = -1,
            ["data"] = -1,
            ["payload"] = -1,
        };
        return Issue(_account, user.Public, name, claims, expires);
    }

    private static JsonObject Allow(string[]? subjects) =>
        subjects is null ? [] : new JsonObject { ["allow"] = new JsonArray([.. subjects.Select(s => JsonValue.Create(s))]) };

    private static JsonObject AccountClaims(bool jetStream)
    {
        var limits = new JsonObject { ["wildcards"] = true };
        foreach (var name in new[] { "subs", "data", "payload", "imports", "exports", "conn", "leaf" })
        {
            limits[name] = -1;
        }

        foreach (var name in jetStream ? new[] { "mem_storage", "disk_storage", "streams", "consumer" } : [])
        {
            limits[name] = -1;
        }

        return new JsonObject { ["type"] = "account", ["version"] = 2, ["limits"] = limits };
    }

    private static string Issue(NatsKey issuer, string subject, string name, JsonObject nats, DateTimeOffset? expires = null)
    {
        var claims = new JsonObject
        {
            ["jti"] = NatsKey.Base32(RandomNumberGenerator.GetBytes(32)),
            ["iat"] = DateTimeOffset.UtcNow.AddMinutes(-1).ToUnixTimeSeconds(),
            ["iss"] = issuer.Public,
            ["name"] = name,
            ["sub"] = subject,
            ["nats"] = nats,
        };
        if (expires is { } end)
        {
            claims["exp"] = end.ToUnixTimeSeconds();
        }

        var signed = Base64Url.EncodeToString("""{"typ":"JWT","alg":"ed25519-nkey"}"""u8) + "." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims.ToJsonString()));
        return signed + "." + Base64Url.EncodeToString(issuer.Sign(Encoding.ASCII.GetBytes(signed)));
    }
}
