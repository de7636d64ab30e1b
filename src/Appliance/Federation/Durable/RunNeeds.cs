using Jesus.Appliance.Runner.Workflows;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>What a box must have to carry a workflow, so far as the file says it: tools and models by name. Pure.</summary>
internal static class RunNeeds
{
    /// <summary>Names that a record carries; a workflow of more is tried by whoever has those.</summary>
    private const int NeedsMax = 64;

    public static IReadOnlyList<string> Of(Workflow workflow)
    {
        var needs = new SortedSet<string>(StringComparer.Ordinal);
        Add(workflow.Graph, needs);
        return [.. needs.Take(NeedsMax)];
    }

    private static void Add(StepGraph graph, SortedSet<string> needs)
    {
        foreach (var step in graph.Steps)
        {
            switch (step.Body)
            {
                case PromptBody prompt:
                    AddModel(prompt.Model, needs);
                    break;
                case AgentBody agent:
                    AddModel(agent.Model, needs);
                    needs.UnionWith(agent.Tools.Select(tool => "tool:" + tool));
                    break;
                case ToolBody tool:
                    _ = needs.Add("tool:" + tool.Name);
                    break;
                case MapBody map:
                    Add(map.Graph, needs);
                    break;
                case RunBody { Workflow: { } inner }:
                    Add(inner.Graph, needs);
                    break;
            }
        }
    }

    /// <summary>A model whose name is computed is known only when its step begins.</summary>
    private static void AddModel(Runner.Expressions.Template? model, SortedSet<string> needs)
    {
        if (model is { Parts: [{ Expression: null, Text: { Length: > 0 } name }] })
        {
            _ = needs.Add("model:" + name);
        }
    }
}
