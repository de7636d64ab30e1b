using Jesus.Transport.Http;

namespace Jesus.Inference.Adapters.OpenAiCompatible;

/// <summary>Where a server that speaks OpenAI's chat completions is.</summary>
public sealed record OpenAiCompatibleOptions
{
    /// <summary>The provider's name in the configuration.</summary>
    public required string Provider { get; init; }

    /// <summary>Base address up to and with the version: <c>https://models.example/v1</c>.</summary>
    public required Uri Url { get; init; }

    /// <summary>The key itself, resolved from its reference; empty when the server wants none. Never logged.</summary>
    public string Key { get; init; } = "";
    public HttpUpstreamOptions Http { get; init; } = new();
}
