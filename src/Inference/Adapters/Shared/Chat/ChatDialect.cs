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

/// <summary>How a server takes a penalty on what was said before.</summary>
internal enum RepetitionField : byte
{
    /// <summary>Not at all: such a request is refused by name.</summary>
    None,

    /// <summary>vLLM and what follows it: <c>repetition_penalty</c>, over prompt and answer.</summary>
    Whole,

    /// <summary>llama.cpp: <c>repeat_penalty</c> and <c>repeat_last_n</c>.</summary>
    LastN,
}

/// <summary>What differs between servers that speak chat completions. Immutable.</summary>
internal sealed record ChatDialect
{
    /// <summary>Longest answer: OpenAI's reasoning models know only <c>max_completion_tokens</c>, most other servers only <c>max_tokens</c>.</summary>
    public bool HasCompletionTokens { get; init; }

    /// <summary><c>top_k</c> and <c>min_p</c>, which OpenAI itself refuses.</summary>
    public bool HasTopK { get; init; } = true;

    /// <summary><c>typical_p</c>.</summary>
    public bool HasTypical { get; init; }
    public RepetitionField Repetition { get; init; } = RepetitionField.Whole;

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
