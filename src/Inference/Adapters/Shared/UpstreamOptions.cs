using Jesus.Transport.Http;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>Where a provider's server is and how it is reached; each kind of adapter adds what is its own.</summary>
public record UpstreamOptions
{
    /// <summary>The provider's name in the configuration.</summary>
    public required string Provider { get; init; }

    /// <summary>Base address up to and with the version: <c>https://models.example/v1</c>.</summary>
    public required Uri Url { get; init; }

    /// <summary>The key itself, resolved from its reference; empty when the server wants none. Never logged.</summary>
    public string Key { get; init; } = "";

    /// <summary>Header fields sent with every request, beside the adapter's own: visible ASCII.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();
    public HttpUpstreamOptions Http { get; init; } = new();
}
