using Jesus.Inference.Adapters.Shared;

namespace Jesus.Inference.Adapters.Vllm;

/// <summary>A vLLM server.</summary>
public sealed record VllmOptions : UpstreamOptions
{
    /// <summary>Milliseconds between two looks at its load, made only while calls come; 1 s.</summary>
    public int PollMs { get; init; } = 1_000;

    /// <summary>The server runs with <c>--scheduling-policy priority</c>: calls carry their lane's. Any other policy refuses the field, so it is off by default.</summary>
    public bool Priorities { get; init; }
}
