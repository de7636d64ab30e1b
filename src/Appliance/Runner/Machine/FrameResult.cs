using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Workflows;

namespace Jesus.Appliance.Runner.Machine;

/// <summary>What a frame yields once all of its steps have ended. Pure.</summary>
internal static class FrameResult
{
    /// <exception cref="EvaluationException">An output names a value that is absent.</exception>
    public static JsonElement Of(Frame frame, StepNode owner) => owner.Spec.Body switch
    {
        MapBody { Output: { } output } => output.Evaluate(frame),
        MapBody when frame.Nodes.Count == 1 => frame.Nodes[0].Output,
        MapBody => JsonValues.Build(frame, static (writer, f) => WriteAll(writer, f)),
        RunBody run => Outputs(run.Workflow!, frame),
        _ => throw new InvalidOperationException($"{owner.Spec.Kind} has no body"),
    };

    /// <summary>A workflow's outputs by name.</summary>
    /// <exception cref="EvaluationException">An output names a value that is absent.</exception>
    public static JsonElement Outputs(Workflow workflow, Frame frame) => JsonValues.Build((workflow, frame), static (writer, s) =>
    {
        writer.WriteStartObject();
        foreach (var (name, template) in s.workflow.Outputs)
        {
            writer.WritePropertyName(name);
            template.Write(writer, s.frame);
        }

        writer.WriteEndObject();
    });

    private static void WriteAll(Utf8JsonWriter writer, Frame frame)
    {
        writer.WriteStartObject();
        foreach (var node in frame.Nodes)
        {
            writer.WritePropertyName(node.Spec.Id);
            node.Output.WriteTo(writer);
        }

        writer.WriteEndObject();
    }
}
