using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Workflows;

namespace Jesus.Appliance.Runner.Machine;

/// <summary>
/// One walk over a graph: the run itself, one item of a map, or a sub-run. Holds the steps' states and resolves names: first its own steps and
/// item, then (inside a map) those around it.
/// </summary>
public sealed class Frame : IValues
{
    private readonly IReadOnlyDictionary<string, JsonElement> _inputs;

    private Frame(StepGraph graph, StepNode? owner, int item, string prefix, IReadOnlyDictionary<string, JsonElement> inputs)
    {
        (Graph, Owner, ItemIndex, Prefix, _inputs) = (graph, owner, item, prefix, inputs);
        Nodes = [.. graph.Steps.Select(step => new StepNode(step, this))];
        Unfinished = Nodes.Count;
    }

    public StepGraph Graph { get; }

    /// <summary>The map or run step whose body this is; null for the run itself.</summary>
    public StepNode? Owner { get; }

    /// <summary>-1 unless this is an item.</summary>
    public int ItemIndex { get; }

    /// <summary>What stands before a step's id in its path, such as <c>each[3]/</c>.</summary>
    public string Prefix { get; }
    public IReadOnlyList<StepNode> Nodes { get; }
    public int Unfinished { get; set; }
    public IReadOnlyDictionary<string, JsonElement> Inputs => _inputs;

    /// <summary>What the frame yields once all of its steps ended: an item's value, a sub-run's outputs.</summary>
    public JsonElement? Result { get; set; }

    /// <summary>Why it yields nothing although all of its steps ended; null when it does.</summary>
    public string? Problem { get; set; }

    private string ItemName { get; init; } = "";
    private JsonElement Item { get; init; }

    /// <summary>The frame around, where its names are visible: only inside a map.</summary>
    private Frame? Around => ItemIndex >= 0 ? Owner!.Frame : null;

    public static Frame OfRun(Workflow workflow, IReadOnlyDictionary<string, JsonElement> inputs) => new(workflow.Graph, null, -1, "", inputs);

    public static Frame OfItem(StepNode map, int index, JsonElement item)
    {
        var body = (MapBody)map.Spec.Body;
        return new Frame(body.Graph, map, index, $"{map.Path}[{index}]/", map.Frame.Inputs) { ItemName = body.As, Item = item };
    }

    public static Frame OfSubRun(StepNode step, Workflow workflow, IReadOnlyDictionary<string, JsonElement> inputs) => new(workflow.Graph, step, -1, step.Path + "/", inputs);

    public bool TryRead(ReferenceRoot root, string name, out JsonElement value)
    {
        if (root == ReferenceRoot.Input)
        {
            return _inputs.TryGetValue(name, out value);
        }

        if (root == ReferenceRoot.Item && name == ItemName)
        {
            value = Item;
            return true;
        }

        var index = root == ReferenceRoot.Step ? Graph.IndexOf(name) : -1;
        if (index >= 0)
        {
            value = Nodes[index].Output;
            return Nodes[index].HasEnded;
        }

        value = JsonValues.Null;
        return Around is { } around && around.TryRead(root, name, out value);
    }
}
