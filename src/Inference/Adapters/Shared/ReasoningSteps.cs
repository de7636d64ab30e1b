using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>The steps in which OpenAI's APIs, and servers after them, are asked to think.</summary>
internal static class ReasoningSteps
{
    /// <param name="wish">What the caller asked.</param>
    /// <param name="highest">The hardest step known there.</param>
    /// <returns>The nearest step; empty when the model's own is wanted.</returns>
    public static string Of(in ReasoningWish wish, string highest) => wish.Effort switch
    {
        ReasoningEffort.None => "none",
        ReasoningEffort.Minimal => "minimal",
        ReasoningEffort.Low => "low",
        ReasoningEffort.Medium => "medium",
        ReasoningEffort.High => "high",
        ReasoningEffort.Highest => highest,
        _ => Of(wish.BudgetTokens),
    };

    /// <summary>A budget of thinking tokens (Anthropic's way to ask) as a step: under 4,096 is little, from 16,384 on much.</summary>
    private static string Of(int budgetTokens) => budgetTokens switch
    {
        <= 0 => "",
        < 4_096 => "low",
        < 16_384 => "medium",
        _ => "high",
    };
}
