using System.Text.Json.Serialization;

namespace Jesus.Appliance.Security.Keys;

/// <summary>A record of kind <c>Key</c> in the journal. Fields may be added, never renamed.</summary>
internal sealed record KeyRecord
{
    public const string CreatedEvent = "created";
    public const string RevokedEvent = "revoked";

    public required string Event { get; init; }
    public required string Id { get; init; }

    /// <summary>Id of the principal that did it.</summary>
    public required string By { get; init; }
    public string? Name { get; init; }
    public string? User { get; init; }
    public string? Team { get; init; }
    public Roles Roles { get; init; }

    /// <summary>SHA-256 of the secret, hexadecimal.</summary>
    public string? Hash { get; init; }
    public DateTimeOffset? Expires { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(KeyRecord))]
internal sealed partial class KeyJson : JsonSerializerContext;
