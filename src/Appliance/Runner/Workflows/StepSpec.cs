using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;

namespace Jesus.Appliance.Runner.Workflows;

public enum StepKind : byte
{
    Prompt,
    Agent,
    Tool,
    Map,
    Approve,
    Run,
}

/// <summary>One step as its file declares it. Immutable.</summary>
public sealed record StepSpec
{
    public required string Id { get; init; }

    /// <summary>Place in its graph, from 0.</summary>
    public required int Index { get; init; }
    public required StepKind Kind { get; init; }

    /// <summary>Indexes of the steps that must end first.</summary>
    public required IReadOnlyList<int> Needs { get; init; }

    /// <summary>Null means always.</summary>
    public Expression? When { get; init; }
    public required StepBody Body { get; init; }

    /// <summary>JSON schema of the output; null means anything (a prompt's text).</summary>
    public JsonElement? OutputSchema { get; init; }
    public RetrySpec Retry { get; init; } = RetrySpec.Once;

    /// <summary>Longest time of one attempt; null means the daemon's limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Name under which the output is kept as an artifact; null means it is not.</summary>
    public Template? Artifact { get; init; }

    /// <summary>Line of the step in its file, from 1.</summary>
    public int Line { get; init; }
}

/// <summary>When and how often a failed attempt is repeated.</summary>
/// <param name="Attempts">In all, the first included.</param>
/// <param name="Backoff">Before the second attempt; doubles after each.</param>
/// <param name="MaxDelay">The delay never grows beyond it.</param>
/// <param name="Unknown">A side effect whose outcome a crash hid may be tried again.</param>
public sealed record RetrySpec(int Attempts, TimeSpan Backoff, TimeSpan MaxDelay, bool Unknown)
{
    public static RetrySpec Once { get; } = new(1, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), false);
}

/// <summary>The part of a step that its kind defines.</summary>
public abstract record StepBody;

/// <summary>One model call.</summary>
/// <param name="Inputs">Named texts for <c>x-span-of</c>.</param>
/// <param name="MaxTokens">0 means as many as the context holds.</param>
public sealed record PromptBody(
    Template? Model, Template? System, Template User, IReadOnlyList<KeyValuePair<string, ValueTemplate>> Inputs, float Temperature, int MaxTokens) : StepBody;

/// <summary>A model that calls tools until it answers.</summary>
public sealed record AgentBody(
    Template? Model, Template? System, Template Task, IReadOnlyList<string> Tools, int MaxTurns, float Temperature, int MaxTokens) : StepBody;

/// <summary>One tool call with arguments that the workflow states.</summary>
public sealed record ToolBody(string Name, ValueTemplate Arguments) : StepBody;

/// <summary>The same steps for every member of a list.</summary>
/// <param name="As">Name of the item inside.</param>
/// <param name="Concurrency">Items in progress at once; 0 means the run's limit.</param>
/// <param name="Output">What an item yields; null means its only step's output, or an object of all its steps' outputs.</param>
public sealed record MapBody(ValueTemplate Over, string As, int Concurrency, StepGraph Graph, ValueTemplate? Output) : StepBody;

/// <summary>A person's yes or no.</summary>
/// <param name="Timeout">Then it counts as a no; null means it waits for ever.</param>
public sealed record ApproveBody(Template Message, TimeSpan? Timeout) : StepBody;

/// <summary>Another workflow as one step.</summary>
/// <param name="File">As written; empty when inline.</param>
/// <param name="Workflow">Null only when parsed without the files it names.</param>
public sealed record RunBody(string File, Workflow? Workflow, IReadOnlyList<KeyValuePair<string, ValueTemplate>> Inputs) : StepBody;

/// <summary>Steps and who waits for whom. Immutable; shared by every run, item and sub-run that walks it.</summary>
public sealed class StepGraph
{
    private readonly Dictionary<string, int> _byId;

    public StepGraph(IReadOnlyList<StepSpec> steps)
    {
        Steps = steps;
        _byId = steps.ToDictionary(step => step.Id, step => step.Index);
        var dependents = steps.Select(_ => new List<int>()).ToArray();
        foreach (var step in steps)
        {
            foreach (var need in step.Needs)
            {
                dependents[need].Add(step.Index);
            }
        }

        Dependents = dependents;
    }

    public IReadOnlyList<StepSpec> Steps { get; }

    /// <summary>Per step, the indexes of those that need it.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Dependents { get; }

    /// <returns>-1 when there is none.</returns>
    public int IndexOf(string id) => _byId.GetValueOrDefault(id, -1);
}
