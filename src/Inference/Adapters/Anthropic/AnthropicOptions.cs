using Jesus.Inference.Adapters.Shared;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>Where a server that speaks Anthropic's Messages API is; the version may be left out of the address.</summary>
public sealed record AnthropicOptions : UpstreamOptions
{
    /// <summary>
    /// Longest answer of each model, in tokens. The API demands <c>max_tokens</c>: a caller who set none gets its model's, or
    /// <see cref="DefaultMaxTokens"/> where the model is not listed or its limit not known.
    /// </summary>
    public IReadOnlyDictionary<string, int> MaxOutputTokens { get; init; } = new Dictionary<string, int>();

    /// <summary>Every model of the API may answer this long, and budgets reserve as much for a call without a limit.</summary>
    public const int DefaultMaxTokens = 4_096;
}
