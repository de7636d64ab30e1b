namespace Jesus.Appliance.Router;

/// <summary>A model that a provider offers.</summary>
/// <param name="Name">The provider's own name for it.</param>
/// <param name="ContextTokens">Prompt and answer together; 0 when unknown: then no prompt is refused here for its length.</param>
/// <param name="MaxOutputTokens">Longest answer; 0 when unknown.</param>
public sealed record ProviderModelOptions(string Name, int ContextTokens = 0, int MaxOutputTokens = 0)
{
    /// <summary>What it can, by the names of <c>docs/providers.md</c>; empty: what its provider's kind can at best.</summary>
    public IReadOnlyList<string> Abilities { get; init; } = [];

    /// <summary>Kind <c>openai</c>: which API generates, <c>chat</c> or <c>responses</c>; empty: the provider's.</summary>
    public string Api { get; init; } = "";
}

/// <summary>How a provider's server is reached over TLS.</summary>
public sealed record ProviderTlsOptions
{
    /// <summary>Certificates in PEM that alone are trusted as roots; empty: the system's trust store.</summary>
    public string CaFile { get; init; } = "";

    /// <summary>A client certificate in PEM, with its chain; empty for none.</summary>
    public string CertificateFile { get; init; } = "";

    /// <summary>Its key in PEM; empty when it stands in the certificate's file.</summary>
    public string KeyFile { get; init; } = "";
}

/// <summary>Config section <c>providers</c>, one entry: an adapter and where its server is.</summary>
public sealed record ProviderOptions
{
    /// <summary>Kind of adapter; <c>docs/providers.md</c> lists them.</summary>
    public string Adapter { get; init; } = "openai-compatible";

    /// <summary>Base address up to and with the version, such as <c>https://models.example/v1</c>.</summary>
    public string Url { get; init; } = "";

    /// <summary>Reference to the key, <c>env:NAME</c> or <c>file:/path</c>; empty when the server wants none.</summary>
    public string Key { get; init; } = "";

    /// <summary>Several keys, each with its own pauses and places: one that is refused or at its limit leads to the next. At most 16; instead of <see cref="Key"/>.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];
    public IReadOnlyList<ProviderModelOptions> Models { get; init; } = [];

    /// <summary>
    /// Calls in progress at once per model, up to 10,000. 0: what the server says (kind <c>llamacpp</c>), otherwise 64, since a provider's own limit is usually
    /// lower and answers 429.
    /// </summary>
    public int Slots { get; init; }

    /// <summary>Kind <c>openai</c>: which API generates for calls that are not passed through, <c>chat</c> or <c>responses</c>.</summary>
    public string Api { get; init; } = "chat";

    /// <summary>Kind <c>openai</c>: sent as <c>OpenAI-Organization</c> and <c>OpenAI-Project</c>.</summary>
    public string Organization { get; init; } = "";
    public string Project { get; init; } = "";

    /// <summary>Kind <c>vllm</c>: the server runs with <c>--scheduling-policy priority</c>, so calls carry their lane's priority.</summary>
    public bool Priorities { get; init; }

    /// <summary>Kinds <c>llamacpp</c> and <c>vllm</c>: milliseconds between two looks at the server's load; 100 to 60,000, default 1,000.</summary>
    public int PollMs { get; init; } = 1_000;

    /// <summary>Header fields sent with every request.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();
    public ProviderTlsOptions Tls { get; init; } = new();

    /// <summary>Milliseconds to connect, TLS included; 10 to 60,000, default 5,000.</summary>
    public int ConnectTimeoutMs { get; init; } = 5_000;

    /// <summary>Connections kept open ahead of calls, handshakes done; 0 to 64, default 0.</summary>
    public int WarmConnections { get; init; }

    /// <summary>False for a server on this box or one that is trusted like it: restricted data may go there, unredacted.</summary>
    public bool LeavesBox { get; init; } = true;
}
