using System.Text.Json;

namespace Jesus.Appliance.Runner.Views;

/// <summary>The items of a map step, for what is built on runs: inputs and outputs whole.</summary>
public sealed record RunItems
{
    /// <summary>SHA-256 of the workflow's YAML: tells whose run it is.</summary>
    public required string WorkflowHash { get; init; }
    public required string User { get; init; }
    public required JsonElement Inputs { get; init; }
    public required DateTimeOffset SubmittedAt { get; init; }

    /// <summary>When somebody asked to stop it; null when nobody did.</summary>
    public DateTimeOffset? CancelledAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>How the run ended; null until then.</summary>
    public RunStateName? State { get; init; }

    /// <summary>Per item in the list's order its output; null where it has none (yet). Empty before the map has begun.</summary>
    public required IReadOnlyList<JsonElement?> Outputs { get; init; }
}
