namespace Jesus.Appliance.Router;

/// <summary>A model that a provider offers.</summary>
/// <param name="Name">The provider's own name for it.</param>
/// <param name="ContextTokens">Prompt and answer together; 0 when unknown: then no prompt is refused here for its length.</param>
/// <param name="MaxOutputTokens">Longest answer; 0 when unknown.</param>
public sealed record ProviderModelOptions(string Name, int ContextTokens = 0, int MaxOutputTokens = 0);

/// <summary>Config section <c>providers</c>, one entry: an adapter and where its server is.</summary>
public sealed record ProviderOptions
{
    /// <summary>Kind of adapter: <c>openai-compatible</c> or <c>anthropic</c>.</summary>
    public string Adapter { get; init; } = "openai-compatible";

    /// <summary>Base address up to and with the version, such as <c>https://models.example/v1</c>.</summary>
    public string Url { get; init; } = "";

    /// <summary>Reference to the key, <c>env:NAME</c> or <c>file:/path</c>; empty when the server wants none.</summary>
    public string Key { get; init; } = "";

    /// <summary>Several keys, each with its own pauses and places: one that is refused or at its limit leads to the next. At most 16; instead of <see cref="Key"/>.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];
    public IReadOnlyList<ProviderModelOptions> Models { get; init; } = [];

    /// <summary>Calls in progress at once per model; default 64, 1 to 10,000: a provider's own limit is usually lower and answers 429.</summary>
    public int Slots { get; init; } = 64;

    /// <summary>False for a server on this box or one that is trusted like it: restricted data may go there, unredacted.</summary>
    public bool LeavesBox { get; init; } = true;
}
