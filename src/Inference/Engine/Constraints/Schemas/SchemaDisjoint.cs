using System.Text.Json;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>Whether no value can match two branches of a oneOf. Says no where it cannot tell.</summary>
internal static class SchemaDisjoint
{
    public static bool AllDisjoint(JsonElement root, JsonElement branches)
    {
        var all = branches.EnumerateArray().Select(branch => Follow(root, branch)).ToList();
        for (var i = 0; i < all.Count; i++)
        {
            for (var j = i + 1; j < all.Count; j++)
            {
                if (!AreDisjoint(root, all[i], all[j]))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static bool AreDisjoint(JsonElement root, JsonElement left, JsonElement right)
    {
        if (left.ValueKind != JsonValueKind.Object || right.ValueKind != JsonValueKind.Object)
        {
            return false;
        }

        var (leftTypes, rightTypes) = (Types(left), Types(right));
        if ((leftTypes & rightTypes) == 0 || ConstantsDiffer(left, right))
        {
            return true;
        }

        return leftTypes == SchemaTypes.Object && rightTypes == SchemaTypes.Object
            && (HasTellingProperty(root, left, right) || (Demands(left, right) && Demands(right, left)));
    }

    private static JsonElement Follow(JsonElement root, JsonElement schema)
    {
        // Sixteen references in a row lead nowhere a reader would follow; a cycle of them is refused later.
        for (var step = 0; step < 16 && schema.ValueKind == JsonValueKind.Object && schema.TryGetProperty("$ref", out var reference); step++)
        {
            if (reference.ValueKind != JsonValueKind.String || !SchemaPointer.TryResolve(root, reference.GetString()!, out schema))
            {
                return default;
            }
        }

        return schema;
    }

    /// <summary>Integer counts as number, since 1 is both. Without "type" and constants a schema may match anything.</summary>
    private static SchemaTypes Types(JsonElement schema)
    {
        var types = SchemaTypes.None;
        if (Constants(schema) is { } constants)
        {
            types = constants.Aggregate(types, (all, value) => all | SchemaKeywords.TypeOf(value));
        }
        else if (schema.TryGetProperty("type", out var type))
        {
            foreach (var name in type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray()] : new[] { type })
            {
                types |= name.ValueKind == JsonValueKind.String && SchemaKeywords.TryType(name.GetString(), out var one) ? one : SchemaTypes.Any;
            }
        }

        types = types == SchemaTypes.None ? SchemaTypes.Any : types;
        return (types & SchemaTypes.Integer) != 0 ? types | SchemaTypes.Number : types;
    }

    private static JsonElement[]? Constants(JsonElement schema)
    {
        if (schema.TryGetProperty("const", out var constant))
        {
            return [constant];
        }

        return schema.TryGetProperty("enum", out var list) && list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray()] : null;
    }

    private static bool ConstantsDiffer(JsonElement left, JsonElement right)
    {
        if (Constants(left) is not { } leftValues || Constants(right) is not { } rightValues)
        {
            return false;
        }

        // Only strings, booleans and null: 1 and 1.0 are one number in two spellings.
        return leftValues.Concat(rightValues).All(value => value.ValueKind is JsonValueKind.String or JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null)
            && !leftValues.Select(Spelling).Intersect(rightValues.Select(Spelling)).Any();
    }

    private static string Spelling(JsonElement value) => Convert.ToHexString(JsonLiterals.Of(value));

    private static bool HasTellingProperty(JsonElement root, JsonElement left, JsonElement right)
    {
        foreach (var name in Required(left).Intersect(Required(right), StringComparer.Ordinal))
        {
            if (Property(root, left, name) is { } one && Property(root, right, name) is { } other && ConstantsDiffer(one, other))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The one requires a property that the other does not list and forbids by <c>additionalProperties</c>.</summary>
    private static bool Demands(JsonElement one, JsonElement other) =>
        other.TryGetProperty("additionalProperties", out var others) && others.ValueKind == JsonValueKind.False && !other.TryGetProperty("patternProperties", out _)
        && Required(one).Any(name => !other.TryGetProperty("properties", out var properties) || properties.ValueKind != JsonValueKind.Object
            || !properties.TryGetProperty(name, out _));

    private static IEnumerable<string> Required(JsonElement schema) =>
        schema.TryGetProperty("required", out var names) && names.ValueKind == JsonValueKind.Array
            ? names.EnumerateArray().Where(name => name.ValueKind == JsonValueKind.String).Select(name => name.GetString()!)
            : [];

    private static JsonElement? Property(JsonElement root, JsonElement schema, string name)
    {
        if (!schema.TryGetProperty("properties", out var properties) || properties.ValueKind != JsonValueKind.Object || !properties.TryGetProperty(name, out var found))
        {
            return null;
        }

        found = Follow(root, found);
        return found.ValueKind == JsonValueKind.Object ? found : null;
    }
}
