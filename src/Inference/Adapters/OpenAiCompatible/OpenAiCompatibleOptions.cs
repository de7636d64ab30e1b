using Jesus.Inference.Adapters.Shared;

namespace Jesus.Inference.Adapters.OpenAiCompatible;

/// <summary>Where a server that speaks OpenAI's chat completions is.</summary>
public sealed record OpenAiCompatibleOptions : UpstreamOptions;
