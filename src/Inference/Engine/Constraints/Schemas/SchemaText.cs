using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>A schema's bytes to grammar.</summary>
internal static class SchemaText
{
    // Each step into a schema is a level of its JSON; one more holds the innermost keyword's value.
    private static readonly JsonDocumentOptions Reading = new() { MaxDepth = ConstraintLimits.SchemaNestingMax + 2 };

    /// <param name="builder">Receives the grammar.</param>
    /// <param name="utf8">The schema.</param>
    /// <param name="param">The request field that holds it, for errors.</param>
    /// <param name="next">What follows the value.</param>
    /// <param name="start">Enters the value.</param>
    /// <param name="error">The first thing that cannot be enforced.</param>
    /// <param name="objectsOnly">The value must be an object: a tool's arguments.</param>
    public static bool TryAdd(
        GrammarBuilder builder, ReadOnlyMemory<byte> utf8, string param, int next, out int start, out ModelError error, bool objectsOnly = false)
    {
        start = builder.Dead;
        if (utf8.Length > ConstraintLimits.SchemaBytesMax)
        {
            error = new ModelError(ErrorCause.UnsupportedField, $"The JSON schema has {utf8.Length} bytes, at most {ConstraintLimits.SchemaBytesMax} are read; shorten it.", param);
            return false;
        }

        try
        {
            using var document = JsonDocument.Parse(utf8, Reading);
            var context = new SchemaContext(builder, param);
            start = objectsOnly && !IsObject(document.RootElement)
                ? context.Refuse("a tool's parameters must have \"type\": \"object\".")
                : SchemaCompiler.Compile(context, document.RootElement, next);
            error = context.Error;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a name or text of the schema holds half a surrogate pair, which no UTF-8 answer could repeat.
            error = new ModelError(ErrorCause.Malformed, $"The JSON schema is not valid JSON: {exception.Message}", param);
        }

        return error.IsNone;
    }

    private static bool IsObject(JsonElement schema) => schema.ValueKind == JsonValueKind.Object
        && (!schema.TryGetProperty("type", out var type) || (type.ValueKind == JsonValueKind.String && type.ValueEquals("object")));
}
