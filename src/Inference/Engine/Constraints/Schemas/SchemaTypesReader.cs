using System.Text.Json;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>Reads which types a schema admits, and refuses every keyword that would not be enforced for them.</summary>
internal static class SchemaTypesReader
{
    public static bool TryRead(SchemaContext context, JsonElement schema, out SchemaTypes types)
    {
        if (!TryReadType(context, schema, out types))
        {
            return false;
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var property in schema.EnumerateObject())
        {
            if (!seen.Add(property.Name))
            {
                context.Refuse($"keyword '{property.Name}' stands twice.");
                return false;
            }

            if (!IsEnforced(context, property.Name, types))
            {
                return false;
            }
        }

        return StandsAlone(context, schema, seen);
    }

    /// <summary>True when nothing but annotations stands in the schema: any value will do.</summary>
    public static bool IsBare(JsonElement schema)
    {
        foreach (var property in schema.EnumerateObject())
        {
            if (!SchemaKeywords.IsAnnotation(property.Name))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryReadType(SchemaContext context, JsonElement schema, out SchemaTypes types)
    {
        types = SchemaTypes.None;
        if (!schema.TryGetProperty("type", out var type))
        {
            types = Inferred(schema);
            return true;
        }

        foreach (var name in type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray()] : new[] { type })
        {
            if (name.ValueKind != JsonValueKind.String || !SchemaKeywords.TryType(name.GetString(), out var one))
            {
                context.Refuse($"'type' {name.GetRawText()} is not known; it may be object, array, string, number, integer, boolean, null or a list of these.");
                return false;
            }

            types |= one;
        }

        if (types == SchemaTypes.None)
        {
            context.Refuse("'type' is an empty list; name at least one type.");
        }

        return types != SchemaTypes.None;
    }

    /// <summary>Without "type", the keywords say which type is meant; an answer of that type satisfies the schema whatever else it admits.</summary>
    private static SchemaTypes Inferred(JsonElement schema)
    {
        var types = SchemaTypes.None;
        foreach (var property in schema.EnumerateObject())
        {
            types |= SchemaKeywords.TypesOf(property.Name);
        }

        return types == SchemaTypes.None ? SchemaTypes.Any : types;
    }

    private static bool IsEnforced(SchemaContext context, string keyword, SchemaTypes types)
    {
        if (SchemaKeywords.IsAnnotation(keyword) || SchemaKeywords.IsStructural(keyword))
        {
            return true;
        }

        var restricted = SchemaKeywords.TypesOf(keyword);
        if (restricted == SchemaTypes.None)
        {
            context.Refuse($"keyword '{keyword}' cannot be enforced; allowed are {SchemaKeywords.Allowed}.");
            return false;
        }

        if ((restricted & types) == 0)
        {
            context.Refuse($"keyword '{keyword}' does not apply to the given type; remove it.");
            return false;
        }

        return true;
    }

    private static bool StandsAlone(SchemaContext context, JsonElement schema, HashSet<string> seen)
    {
        foreach (var keyword in (string[])["$ref", "anyOf", "oneOf", "enum", "const"])
        {
            if (!seen.Contains(keyword))
            {
                continue;
            }

            var other = seen.FirstOrDefault(name => name != keyword && !SchemaKeywords.IsAnnotation(name) && !(name == "type" && keyword is "enum" or "const"));
            if (other is not null)
            {
                context.Refuse($"'{keyword}' cannot be combined with '{other}'; put both into one schema.");
                return false;
            }
        }

        _ = schema;
        return true;
    }
}
