using System.Text.Json;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Runner.Machine;

/// <summary>What the state machine wants done next.</summary>
public abstract record RunAction;

/// <summary>Carry out an attempt of a prompt, an agent or a tool step.</summary>
/// <param name="Plan">The step's texts and values, evaluated.</param>
/// <param name="Attempt">From 1.</param>
/// <param name="Lost">What an attempt before this one announced to pay at most, when a crash took its result: it is not to be repeated unasked.</param>
public sealed record ExecuteStep(StepNode Node, StepPlan Plan, int Attempt, ToolSpending? Lost = null) : RunAction;

/// <summary>Ask a person.</summary>
public sealed record AskApproval(StepNode Node, string Message, DateTimeOffset? DueAt) : RunAction;

/// <summary>End a step that needs no executor: skipped, its body complete, or not to be carried out.</summary>
/// <param name="Output">Null where the fold computes it from the children.</param>
/// <param name="Whole">The step's value, for its schema and its artifact.</param>
public sealed record FinishStep(StepNode Node, StepStateName Outcome, string? Message, JsonElement? Output, JsonElement Whole) : RunAction;

/// <summary>End the run.</summary>
/// <param name="Lost">What steps that will not be looked at again had announced to pay at most before a crash took their results.</param>
public sealed record FinishRun(RunStateName State, JsonElement? Outputs, string? Message, bool RefusedByBudget, ToolSpending Lost = default) : RunAction;
