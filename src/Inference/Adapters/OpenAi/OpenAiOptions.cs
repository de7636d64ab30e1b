using Jesus.Inference.Adapters.Shared;

namespace Jesus.Inference.Adapters.OpenAi;

/// <summary>Which of OpenAI's APIs generates for requests that are not sent on as they came.</summary>
public enum OpenAiApi : byte
{
    Chat,
    Responses,
}

/// <summary>OpenAI itself, or a server that offers both of its APIs.</summary>
public sealed record OpenAiOptions : UpstreamOptions
{
    /// <summary>For models that <see cref="ModelApis"/> does not name.</summary>
    public OpenAiApi Api { get; init; }

    /// <summary>By model; some are offered through one of the APIs only.</summary>
    public IReadOnlyDictionary<string, OpenAiApi> ModelApis { get; init; } = new Dictionary<string, OpenAiApi>();

    /// <summary>Models that think: their encrypted reasoning is asked for, so that it can go back with the next turn. Others refuse to be asked.</summary>
    public IReadOnlySet<string> ReasoningModels { get; init; } = new HashSet<string>();

    /// <summary>Sent as <c>OpenAI-Organization</c>; empty for the key's own.</summary>
    public string Organization { get; init; } = "";

    /// <summary>Sent as <c>OpenAI-Project</c>; empty for the key's own.</summary>
    public string Project { get; init; } = "";
}
