using System.Globalization;
using System.Net;
using Jesus.Appliance.Security.Keys;

namespace Jesus.Appliance.Security;

/// <summary>A principal, or why there is none.</summary>
/// <param name="Refusal">What is wrong and what to do; null when there is a principal. Never contains the secret.</param>
public readonly record struct DoorAnswer(Principal? Principal, string? Refusal);

/// <summary>
/// Names the caller: a key that is given decides alone; without one the unix socket's peer is a local user with all roles, and loopback TCP is
/// the local user where <see cref="SecurityOptions.TrustLoopback"/> says so. Thread-safe.
/// </summary>
public sealed class PrincipalResolver(KeyStore keys, UserDirectory directory, SecurityOptions options, LocalUsers users)
{
    private const string Bearer = "Bearer ";
    private volatile UserDirectory _directory = directory;

    /// <summary>Who belongs where, now: for callers that come by another door.</summary>
    public UserDirectory Directory => _directory;

    /// <summary>A reload: who comes from now on belongs where the new directory says.</summary>
    public void Replace(UserDirectory directory) => _directory = directory;

    /// <summary>Whom the box's own callers without a key are, and the name under which they asked last: the same for all of them.</summary>
    private Principal? _loopback;
    private string? _localName;

    public DoorAnswer Resolve(in DoorEvidence evidence)
    {
        if (SecretOf(evidence, out var secret) is { } refusal)
        {
            return Refused(refusal);
        }

        if (secret is not null)
        {
            return ByKey(secret);
        }

        return evidence.PeerUid is { } uid ? new DoorAnswer(Local(users.NameOf(uid)), null) : ByAddress(evidence);
    }

    private static string? SecretOf(in DoorEvidence evidence, out string? secret)
    {
        secret = evidence.ApiKey;
        if (secret is not null || evidence.Authorization is not { Length: > 0 } authorization)
        {
            return null;
        }

        if (!authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
        {
            return "The Authorization header is not understood: send `Authorization: Bearer jsk_...` or `x-api-key: jsk_...`.";
        }

        secret = authorization[Bearer.Length..].Trim();
        return null;
    }

    private DoorAnswer ByKey(string secret) => keys.Authenticate(secret, out var key) switch
    {
        KeyRefusal.None => new DoorAnswer(_directory.Place(key!.PrincipalId, PrincipalKind.ApiKey, key.User, key.Team, key.Roles), null),
        KeyRefusal.Malformed => Refused("The API key is not one of this box, or it was cut or mistyped: it begins with jsk_ and has a checksum. `jesus keys create` makes one."),
        KeyRefusal.Expired => Refused("The API key has expired. `jesus keys create` makes a new one."),
        KeyRefusal.Revoked => Refused("The API key was revoked. `jesus keys create` makes a new one."),
        _ => Refused("The API key is not known here. `jesus keys list` on the box shows the keys that are."),
    };

    private DoorAnswer ByAddress(in DoorEvidence evidence)
    {
        if (evidence.Address is not { } address || !IPAddress.IsLoopback(address))
        {
            return Refused("An API key is needed from another machine: `jesus keys create` on the box makes one; send it as `Authorization: Bearer jsk_...`.");
        }

        if (!options.TrustLoopback)
        {
            return Refused("An API key is needed: security.trustLoopback is false here. `jesus keys create` makes one; the unix socket needs none.");
        }

        return IsLocalName(evidence.Host) && IsLocalOrigin(evidence.Origin)
            ? new DoorAnswer(_loopback ??= Local("loopback"), null)
            : Refused("Requests without an API key must name this box as localhost, 127.0.0.1 or [::1], and come from no web page elsewhere.");
    }

    private Principal Local(string name) => _directory.Place("local:" + name, PrincipalKind.LocalSocket, name, "", Roles.All);

    private static DoorAnswer Refused(string why) => new(null, why);

    private bool IsLocalOrigin(string? origin) =>
        string.IsNullOrEmpty(origin) || (Uri.TryCreate(origin, UriKind.Absolute, out var uri) && IsLocalName(uri.Authority));

    /// <summary>Whether a host, with or without a port, is this box itself. No host at all (HTTP/1.0) comes from no browser.</summary>
    private bool IsLocalName(string? host)
    {
        if (string.IsNullOrEmpty(host) || host == Volatile.Read(ref _localName))
        {
            return true;
        }

        if (!NamesThisBox(host))
        {
            return false;
        }

        Volatile.Write(ref _localName, host);
        return true;
    }

    private static bool NamesThisBox(string host)
    {
        var colon = host.LastIndexOf(':');
        var hasPort = colon >= 0 && int.TryParse(host.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _);
        var name = hasPort ? host[..colon] : host;
        return name.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(name.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
    }
}
