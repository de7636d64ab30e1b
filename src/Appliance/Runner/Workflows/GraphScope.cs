using System.Collections;
using Jesus.Appliance.Runner.Expressions;

namespace Jesus.Appliance.Runner.Workflows;

/// <summary>
/// What the expressions of one graph can see while a file is checked: its steps, its inputs, and through <see cref="Outer"/> those around it.
/// </summary>
internal sealed class GraphScope
{
    /// <summary>The graph around, of which this one is the body of the map <see cref="OuterStep"/>; null at the top of a file.</summary>
    public GraphScope? Outer { get; init; }
    public int OuterStep { get; init; } = -1;

    /// <summary>The item's name inside a map; empty elsewhere.</summary>
    public string ItemName { get; init; } = "";

    /// <summary>What the map walks over, in the outer scope.</summary>
    public ValueTemplate? Over { get; init; }
    public required IReadOnlyList<InputSpec> Inputs { get; init; }
    public int Nesting => Outer is null ? 0 : Outer.Nesting + 1;

    /// <summary>Ids in the file's order, known before the steps are read.</summary>
    public List<string> Ids { get; } = [];

    /// <summary>Per id; null where the step could not be read.</summary>
    public List<StepSpec?> Steps { get; } = [];

    /// <summary>Per step, the steps that certainly have ended before it starts.</summary>
    public BitArray[] Before { get; set; } = [];

    /// <summary>Expressions to check once every graph is read.</summary>
    public List<ExpressionUse> Uses { get; } = [];

    /// <summary>The names of the items of this and the enclosing maps.</summary>
    public IReadOnlyCollection<string> ItemNames { get; init; } = [];
}

/// <summary>An expression, where it stands and what it must yield.</summary>
/// <param name="Step">Index of the step that evaluates it; -1 for what is evaluated after all steps.</param>
/// <param name="Wanted">What it must yield; <see cref="ValueType.Any"/> when everything will do.</param>
internal readonly record struct ExpressionUse(Expression Expression, YamlNode Node, GraphScope Scope, int Step, ValueType Wanted);
