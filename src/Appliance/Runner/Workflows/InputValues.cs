using System.Globalization;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;

namespace Jesus.Appliance.Runner.Workflows;

/// <summary>Fits what a run was given to what its workflow declares.</summary>
internal static class InputValues
{
    /// <summary>Text of one input. A map and a search walk it in memory, once per run in progress.</summary>
    public const int BytesMax = 16 * 1024 * 1024;

    /// <summary>The values by name, defaults included; every problem is added to <paramref name="errors"/>.</summary>
    public static Dictionary<string, JsonElement> Resolve(Workflow workflow, IReadOnlyDictionary<string, RunInput> given, string file, List<WorkflowError> errors)
    {
        var names = workflow.Inputs.Select(input => input.Name).ToList();
        errors.AddRange(given.Keys.Except(names).Select(name =>
            new WorkflowError(file, 0, 0, $"the workflow declares no input '{name}'{Nearest.Hint(name, names)}", names)));
        var values = new Dictionary<string, JsonElement>();
        foreach (var spec in workflow.Inputs)
        {
            if (Value(spec, given, out var problem) is { } value)
            {
                values[spec.Name] = value;
            }
            else
            {
                errors.Add(new WorkflowError(file, 0, 0, problem, []));
            }
        }

        return values;
    }

    /// <summary>Why a JSON value does not fit; null when it does.</summary>
    public static string? Problem(InputSpec spec, JsonElement value)
    {
        var fits = spec.Type switch
        {
            InputType.String or InputType.File => value.ValueKind == JsonValueKind.String,
            InputType.Integer => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
            InputType.Number => value.ValueKind == JsonValueKind.Number,
            InputType.Boolean => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            InputType.List => value.ValueKind == JsonValueKind.Array,
            _ => value.ValueKind == JsonValueKind.Object,
        };
        return fits ? null : $"the input '{spec.Name}' is of type {TypeName(spec.Type)}, and {JsonValues.KindName(value)} was given";
    }

    public static string TypeName(InputType type) => type.ToString().ToLowerInvariant();

    private static JsonElement? Value(InputSpec spec, IReadOnlyDictionary<string, RunInput> given, out string problem)
    {
        if (!given.TryGetValue(spec.Name, out var input))
        {
            problem = $"the input '{spec.Name}' ({TypeName(spec.Type)}) is missing: give it with --input {spec.Name}={(spec.Type == InputType.File ? "PATH" : "VALUE")}";
            return spec.Default;
        }

        var value = input switch
        {
            { Bytes: { } bytes } => FromBytes(spec, bytes, out problem),
            { Text: { } text } => FromText(spec, text, out problem),
            { Json: { } json } => Keep(json, out problem),
            _ => Nothing(spec, out problem),
        };
        if (value is { } found && Problem(spec, found) is { } misfit)
        {
            problem = misfit;
            return null;
        }

        return value;
    }

    private static JsonElement? Keep(JsonElement json, out string problem)
    {
        problem = "";
        return json.Clone();
    }

    private static JsonElement? Nothing(InputSpec spec, out string problem)
    {
        problem = $"the input '{spec.Name}' has no value";
        return null;
    }

    private static JsonElement? FromBytes(InputSpec spec, ReadOnlyMemory<byte> bytes, out string problem)
    {
        problem = bytes.Length > BytesMax ? $"the input '{spec.Name}' has {bytes.Length:N0} bytes, more than {BytesMax:N0}" : "";
        if (problem.Length > 0)
        {
            return null;
        }

        try
        {
            return JsonValues.Of(new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes.Span));
        }
        catch (DecoderFallbackException e)
        {
            problem = $"the input '{spec.Name}' is not UTF-8 text (byte {e.Index})";
            return null;
        }
    }

    private static JsonElement? FromText(InputSpec spec, string text, out string problem)
    {
        problem = $"the input '{spec.Name}' is of type {TypeName(spec.Type)}, and '{(text.Length > 40 ? text[..40] + "..." : text)}' is none";
        return spec.Type switch
        {
            InputType.String or InputType.File => JsonValues.Of(text),
            InputType.Integer => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? JsonValues.Of(number) : null,
            InputType.Boolean => text is "true" or "false" ? JsonValues.Of(text == "true") : null,
            _ => JsonValues.TryParse(Encoding.UTF8.GetBytes(text), out var json, out _) ? json : null,
        };
    }
}
