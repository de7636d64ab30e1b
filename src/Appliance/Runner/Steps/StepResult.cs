using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Runner.Steps;

/// <summary>How one attempt ended.</summary>
internal sealed record StepResult
{
    public required StepStateName Outcome { get; init; }
    public JsonElement Output { get; init; } = JsonValues.Null;

    /// <summary>Why it failed; null when it did not.</summary>
    public string? Message { get; init; }

    /// <summary>Another attempt might end otherwise.</summary>
    public bool Retryable { get; init; }

    /// <summary>Another attempt of an agent must not go on with this conversation.</summary>
    public bool Fresh { get; init; }
    public bool RefusedByBudget { get; init; }
    public long TokensIn { get; init; }
    public long TokensOut { get; init; }
    public long CostMicroUsd { get; init; }
    public bool Estimated { get; init; }

    /// <summary>Another attempt before that would be in vain; zero when nobody said.</summary>
    public TimeSpan RetryAfter { get; init; }

    /// <summary>The attempt is to be made anew and does not count as one: its spending does.</summary>
    public bool Again { get; init; }

    public bool HasSpent => TokensIn > 0 || TokensOut > 0 || CostMicroUsd > 0;

    public static StepResult Done(JsonElement output) => new() { Outcome = StepStateName.Done, Output = output };

    public StepResult With(in ToolSpending spent) => this with
    {
        TokensIn = spent.TokensIn,
        TokensOut = spent.TokensOut,
        CostMicroUsd = spent.CostMicroUsd,
        Estimated = spent.Estimated,
    };

    public static StepResult Failed(string message, bool retryable) => new() { Outcome = StepStateName.Failed, Message = message, Retryable = retryable };
}
