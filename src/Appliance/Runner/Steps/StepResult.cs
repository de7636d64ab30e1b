using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Views;

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

    public static StepResult Done(JsonElement output) => new() { Outcome = StepStateName.Done, Output = output };

    public static StepResult Failed(string message, bool retryable) => new() { Outcome = StepStateName.Failed, Message = message, Retryable = retryable };
}
