using Jesus.Inference.Adapters.Shared;

namespace Jesus.Inference.Adapters.LlamaCpp;

/// <summary>A llama-server.</summary>
public sealed record LlamaCppOptions : UpstreamOptions
{
    /// <summary>Milliseconds between two looks at its load, made only while calls come; 1 s: a slot is taken for longer.</summary>
    public int PollMs { get; init; } = 1_000;
}
