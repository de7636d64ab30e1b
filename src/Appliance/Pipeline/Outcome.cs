using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>How a call ended, money included. A failed call has an <see cref="Error"/>; what was used is settled either way.</summary>
public readonly record struct Outcome
{
    public ModelError Error { get; init; }
    public FinishReason Reason { get; init; }

    /// <summary><c>provider/model</c> that answered; null when none did.</summary>
    public string? Candidate { get; init; }
    public Usage Usage { get; init; }
    public UsageQuality Quality { get; init; }
    public long CostMicroUsd { get; init; }
    public int Attempts { get; init; }

    /// <summary>Which cap refused, when one did: CLI exit code 4, HTTP 429 with code <c>budget_exceeded</c>.</summary>
    public string? RefusedByBudget { get; init; }

    /// <summary>True when part of the answer reached the sink before the failure.</summary>
    public bool Committed { get; init; }

    public bool Succeeded => Error.IsNone;
}
