using System.Text.Json;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Workflows;
using Jesus.Appliance.Security;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Runner.Steps;

/// <summary>What a step's executor knows of its run.</summary>
/// <param name="Commit">Makes an event durable and applies it; completes when it is part of the fold.</param>
internal sealed record RunContext(string RunId, Workflow Workflow, Principal Principal, DateTimeOffset SubmittedAt, Func<RunEvent, ValueTask> Commit)
{
    /// <summary>What is left of the workflow's caps: a run that came from another box has spent some of them there. 0 means none.</summary>
    public long CapMicroUsd { get; init; } = Workflow.BudgetMicroUsd;
    public long CapTokens { get; init; } = Workflow.BudgetTokens;
}

/// <summary>The texts among a frame's inputs: a string is itself, anything else its JSON.</summary>
internal sealed class InputTexts(IReadOnlyDictionary<string, JsonElement> inputs) : IRunTexts
{
    public IReadOnlyList<string> Names => [.. inputs.Where(input => input.Value.ValueKind == JsonValueKind.String).Select(input => input.Key).Order(StringComparer.Ordinal)];

    public string? Read(string name) => inputs.TryGetValue(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
