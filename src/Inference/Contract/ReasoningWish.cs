namespace Jesus.Inference.Contract;

/// <summary>How hard the model is asked to think; providers know other steps and are given the nearest.</summary>
public enum ReasoningEffort : byte
{
    /// <summary>Not said: the model's default.</summary>
    Unset,
    None,
    Minimal,
    Low,
    Medium,
    High,
    Highest,
}

/// <summary>What the caller asked of the model's reasoning.</summary>
/// <param name="Effort">OpenAI's <c>reasoning_effort</c>, Anthropic's <c>output_config.effort</c>.</param>
/// <param name="BudgetTokens">Anthropic's <c>thinking.budget_tokens</c>; 0 when not said.</param>
/// <param name="Adaptive">Anthropic's <c>thinking.type: adaptive</c>.</param>
/// <param name="Summary">The caller wants to read a summary of it.</param>
public readonly record struct ReasoningWish(ReasoningEffort Effort, int BudgetTokens = 0, bool Adaptive = false, bool Summary = false);
