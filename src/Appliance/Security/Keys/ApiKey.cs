namespace Jesus.Appliance.Security.Keys;

/// <summary>What is asked for when a key is made.</summary>
/// <param name="Name">For people, such as <c>laptop of alice</c>.</param>
/// <param name="User">User whose caps apply; must not be empty.</param>
/// <param name="Team">Empty means the user's own team in the directory.</param>
/// <param name="Expires">Null means never.</param>
public sealed record KeyRequest(string Name, string User, string Team, Roles Roles, DateTimeOffset? Expires);

/// <summary>A key as it may be shown; its secret is not in here, nor anywhere but with its owner.</summary>
public sealed record ApiKey(string Id, string Name, string User, string Team, Roles Roles, DateTimeOffset Created,
    string CreatedBy, DateTimeOffset? Expires, DateTimeOffset? Revoked)
{
    /// <summary>Id of its principal.</summary>
    public string PrincipalId => "key:" + Id;
}

/// <summary>A new key and its secret, shown this once.</summary>
public sealed record CreatedKey(ApiKey Key, string Secret);

/// <summary>Why a secret was not accepted.</summary>
public enum KeyRefusal : byte
{
    None,

    /// <summary>Not of the form <c>jsk_...</c>, or mistyped: its checksum is wrong.</summary>
    Malformed,
    Unknown,
    Expired,
    Revoked,
}
