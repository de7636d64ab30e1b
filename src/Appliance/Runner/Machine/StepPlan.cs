using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Workflows;

namespace Jesus.Appliance.Runner.Machine;

/// <summary>One attempt with its expressions evaluated, so that an executor reads nothing that the machine changes.</summary>
public abstract record StepPlan
{
    /// <summary>Inputs of the frame, for tools that read them.</summary>
    public required IReadOnlyDictionary<string, JsonElement> Inputs { get; init; }

    /// <summary>Name of the artifact to keep the output as; null for none.</summary>
    public string? Artifact { get; init; }

    /// <exception cref="EvaluationException">A value is absent or of the wrong kind.</exception>
    public static StepPlan Of(StepNode node) => node.Spec.Body switch
    {
        PromptBody prompt => new PromptPlan
        {
            Inputs = node.Frame.Inputs,
            Artifact = ArtifactName(node),
            Model = prompt.Model?.EvaluateText(node.Frame) ?? "",
            System = prompt.System?.EvaluateText(node.Frame) ?? "",
            User = prompt.User.EvaluateText(node.Frame),
            NamedTexts = [.. prompt.Inputs.Select(input => KeyValuePair.Create(input.Key, JsonValues.ToText(input.Value.Evaluate(node.Frame))))],
            Body = prompt,
        },
        AgentBody agent => new AgentPlan
        {
            Inputs = node.Frame.Inputs,
            Artifact = ArtifactName(node),
            Model = agent.Model?.EvaluateText(node.Frame) ?? "",
            System = agent.System?.EvaluateText(node.Frame) ?? "",
            Task = agent.Task.EvaluateText(node.Frame),
            Body = agent,
        },
        ToolBody tool => new ToolPlan
        {
            Inputs = node.Frame.Inputs,
            Artifact = ArtifactName(node),
            Tool = tool.Name,
            Arguments = tool.Arguments.Evaluate(node.Frame),
        },
        _ => throw new InvalidOperationException($"{node.Spec.Kind} steps are walked, not executed"),
    };

    /// <exception cref="EvaluationException">A value is absent, or the name is none.</exception>
    public static string? ArtifactName(StepNode node)
    {
        if (node.Spec.Artifact?.EvaluateText(node.Frame) is not { } name)
        {
            return null;
        }

        return Names.IsFileName(name) ? name : throw new EvaluationException($"'{name}' is no artifact name: {Names.FileNameRule}");
    }
}

public sealed record PromptPlan : StepPlan
{
    public required string Model { get; init; }
    public required string System { get; init; }
    public required string User { get; init; }
    public required IReadOnlyList<KeyValuePair<string, string>> NamedTexts { get; init; }
    public required PromptBody Body { get; init; }
}

public sealed record AgentPlan : StepPlan
{
    public required string Model { get; init; }
    public required string System { get; init; }
    public required string Task { get; init; }
    public required AgentBody Body { get; init; }
}

public sealed record ToolPlan : StepPlan
{
    public required string Tool { get; init; }
    public required JsonElement Arguments { get; init; }
}
