using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>Is a whole answer the JSON that was asked for? Only on routes that hold answers back; pure.</summary>
internal static class AnswerCheck
{
    private static readonly JsonDocumentOptions Depth = new() { MaxDepth = 128 };

    /// <param name="problem">What is wrong, as the end of a sentence.</param>
    public static bool Fits(HeldAnswer answer, ModelRequest request, out string problem)
    {
        problem = "";
        if (request.Constraint.Kind is not (ConstraintKind.JsonSchema or ConstraintKind.JsonObject))
        {
            return true;
        }

        using var schema = SchemaOf(request.Constraint);
        for (var choice = 0; choice < request.Choices && problem.Length == 0; choice++)
        {
            problem = ProblemOf(answer.TextOf(choice), request.Constraint.Kind, schema);
        }

        return problem.Length == 0;
    }

    private static string ProblemOf(ReadOnlyMemory<byte> text, ConstraintKind kind, JsonDocument? schema)
    {
        try
        {
            using var value = JsonDocument.Parse(text, Depth);
            if (kind == ConstraintKind.JsonObject)
            {
                return value.RootElement.ValueKind == JsonValueKind.Object ? "" : "it is JSON, but no object";
            }

            return schema is null ? "" : AnswerSchema.Problem(schema.RootElement, value.RootElement);
        }
        catch (JsonException)
        {
            return "it is no JSON";
        }
        catch (InvalidOperationException)
        {
            // A keyword of the schema has a value of a kind that it may not have: the door's to refuse.
            return "";
        }
    }

    /// <summary>A schema that is no JSON was the door's to refuse; nothing is held against the answer then.</summary>
    private static JsonDocument? SchemaOf(OutputConstraint constraint)
    {
        if (constraint.Kind != ConstraintKind.JsonSchema || constraint.Source.IsEmpty)
        {
            return null;
        }

        try
        {
            return JsonDocument.Parse(constraint.Source.Memory, Depth);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
