namespace Jesus.Inference.Adapters.Shared.Chat;

/// <summary>Where a server takes a regular expression or a grammar for its answer.</summary>
internal enum GrammarField : byte
{
    /// <summary>Nowhere: such a request is refused by name.</summary>
    None,

    /// <summary>llama.cpp: a GBNF grammar in <c>grammar</c>.</summary>
    Gbnf,

    /// <summary>vLLM: <c>structured_outputs.regex</c> and <c>structured_outputs.grammar</c>.</summary>
    StructuredOutputs,
}

/// <summary>What differs between servers that speak chat completions. Immutable.</summary>
internal sealed record ChatDialect
{
    /// <summary>Longest answer: OpenAI's reasoning models know only <c>max_completion_tokens</c>, most other servers only <c>max_tokens</c>.</summary>
    public bool HasCompletionTokens { get; init; }

    /// <summary><c>top_k</c> and <c>min_p</c>, which OpenAI itself refuses.</summary>
    public bool HasTopK { get; init; } = true;

    /// <summary>The end user's id: OpenAI calls it <c>safety_identifier</c>, others still <c>user</c>.</summary>
    public bool HasSafetyIdentifier { get; init; }

    /// <summary>The hardest step of <c>reasoning_effort</c> that is known there.</summary>
    public string HighestEffort { get; init; } = "high";

    /// <summary>Earlier reasoning goes back as <c>reasoning_content</c> of its message; OpenAI has no place for it.</summary>
    public bool TakesReasoning { get; init; }
    public GrammarField Grammar { get; init; }

    /// <summary>vLLM under its priority policy: the field <c>priority</c>, where lower is served earlier.</summary>
    public bool HasPriority { get; init; }
}
