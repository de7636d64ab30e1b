using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;

namespace Jesus.Appliance.Runner.Workflows;

/// <summary>What an input may be. In YAML and JSON: <c>string, integer, number, boolean, list, object, file</c>.</summary>
public enum InputType : byte
{
    String,
    Integer,
    Number,
    Boolean,
    List,
    Object,

    /// <summary>A text file's content; tools read it by the input's name, an expression sees its text.</summary>
    File,
}

/// <param name="Default">Null when the input must be given.</param>
public sealed record InputSpec(string Name, InputType Type, string Description, JsonElement? Default)
{
    public bool Required => Default is null;
}

/// <summary>A checked workflow: every reference resolves and the graph has no cycle. Immutable; shared by all runs of the same file.</summary>
public sealed record Workflow
{
    public required string Name { get; init; }
    public string Description { get; init; } = "";
    public required IReadOnlyList<InputSpec> Inputs { get; init; }

    /// <summary>Cap of a run in micro-dollars; 0 means none.</summary>
    public long BudgetMicroUsd { get; init; }

    /// <summary>Cap of a run in tokens, input and output together; 0 means none.</summary>
    public long BudgetTokens { get; init; }

    /// <summary>Steps in progress at once; 0 means the daemon's limit.</summary>
    public int Concurrency { get; init; }
    public required StepGraph Graph { get; init; }

    /// <summary>Name to value; empty when the file declares none.</summary>
    public IReadOnlyList<KeyValuePair<string, ValueTemplate>> Outputs { get; init; } = [];

    /// <summary>Workflow files that <c>run</c> steps name, as written: the submitter sends them along.</summary>
    public IReadOnlyList<string> ReferencedFiles { get; init; } = [];

    public InputSpec? Input(string name) => Inputs.FirstOrDefault(input => input.Name == name);
}
