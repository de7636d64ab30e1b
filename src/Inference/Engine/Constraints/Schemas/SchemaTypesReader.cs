using System.Text.Json;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>Which types schemas admit.</summary>
internal static class SchemaTypesReader
{
    /// <summary>The types of "type"; all where it is absent. An integer is a number too.</summary>
    public static bool TryRead(SchemaContext context, JsonElement schema, out SchemaTypes types)
    {
        types = SchemaTypes.Any;
        if (!schema.TryGetProperty("type", out var type))
        {
            return true;
        }

        types = SchemaTypes.None;
        foreach (var name in type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray()] : new[] { type })
        {
            if (name.ValueKind != JsonValueKind.String || !SchemaKeywords.TryType(name.GetString(), out var one))
            {
                context.Refuse($"'type' {name.GetRawText()} is not known; it may be object, array, string, number, integer, boolean, null or a list of these.");
                return false;
            }

            types |= one == SchemaTypes.Number ? SchemaTypes.Number | SchemaTypes.Integer : one;
        }

        if (types == SchemaTypes.None)
        {
            context.Refuse("'type' is an empty list; name at least one type.");
        }

        return types != SchemaTypes.None;
    }

    /// <summary>
    /// What all schemas of the facts admit. Where none names a type, their keywords say which is meant: an answer of that type satisfies them whatever else they admit.
    /// </summary>
    public static SchemaTypes Of(SchemaContext context, SchemaFacts facts)
    {
        var (types, meant) = (SchemaTypes.Any, SchemaTypes.None);
        foreach (var part in facts.Parts)
        {
            _ = TryRead(context, part.Element, out var own);
            types &= own;
            foreach (var property in part.Element.EnumerateObject())
            {
                meant |= SchemaKeywords.TypesOf(property.Name);
            }
        }

        return types == SchemaTypes.Any && meant != SchemaTypes.None ? meant : types;
    }
}
