using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;

namespace Jesus.Appliance.Runner.Workflows;

internal enum ValueType : byte
{
    /// <summary>Not known before the run.</summary>
    Any,
    Null,
    String,
    Number,
    Boolean,
    List,
    Object,
}

/// <summary>What is known of a value before the run: its type and, where a schema says so, its parts.</summary>
internal readonly record struct Shape(ValueType Type, JsonElement? Schema = null)
{
    public static Shape Any => default;

    public static Shape OfInput(InputType type) => new(type switch
    {
        InputType.String or InputType.File => ValueType.String,
        InputType.Integer or InputType.Number => ValueType.Number,
        InputType.Boolean => ValueType.Boolean,
        InputType.List => ValueType.List,
        _ => ValueType.Object,
    });

    public static Shape OfSchema(JsonElement schema)
    {
        if (schema.ValueKind != JsonValueKind.Object || !schema.TryGetProperty("type", out var type) || type.ValueKind != JsonValueKind.String)
        {
            return Any;
        }

        return new Shape(type.GetString() switch
        {
            "string" => ValueType.String,
            "number" or "integer" => ValueType.Number,
            "boolean" => ValueType.Boolean,
            "array" => ValueType.List,
            "object" => ValueType.Object,
            "null" => ValueType.Null,
            _ => ValueType.Any,
        }, schema);
    }

    public static Shape OfValue(JsonElement value) => new(value.ValueKind switch
    {
        JsonValueKind.String => ValueType.String,
        JsonValueKind.Number => ValueType.Number,
        JsonValueKind.True or JsonValueKind.False => ValueType.Boolean,
        JsonValueKind.Array => ValueType.List,
        JsonValueKind.Object => ValueType.Object,
        _ => ValueType.Null,
    });

    /// <summary>The shape of a part, or what is wrong with asking for it.</summary>
    public Shape Follow(PathSegment segment, out string? problem, out IReadOnlyList<string> allowed)
    {
        (problem, allowed) = (null, []);
        var wanted = segment.Field is null ? ValueType.List : ValueType.Object;
        if (Type != ValueType.Any && Type != wanted)
        {
            problem = $"{Name} has no part '{segment}'";
            return Any;
        }

        return segment.Field is null ? Items() : Field(segment.Field, out problem, out allowed);
    }

    public Shape Items() => Schema is { } schema && schema.TryGetProperty("items", out var items) ? OfSchema(items) : Any;

    public string Name => Type switch
    {
        ValueType.String => "a string",
        ValueType.Number => "a number",
        ValueType.Boolean => "a boolean",
        ValueType.List => "a list",
        ValueType.Object => "an object",
        ValueType.Null => "null",
        _ => "a value",
    };

    private Shape Field(string field, out string? problem, out IReadOnlyList<string> allowed)
    {
        (problem, allowed) = (null, []);
        if (Schema is not { } schema || !schema.TryGetProperty("properties", out var properties))
        {
            return Any;
        }

        if (properties.TryGetProperty(field, out var part))
        {
            return OfSchema(part);
        }

        allowed = [.. properties.EnumerateObject().Select(property => property.Name)];
        problem = $"the output has no field '{field}'{Nearest.Hint(field, allowed)}";
        return Any;
    }
}
