using System.Text.Json;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>Which types a schema admits.</summary>
[Flags]
internal enum SchemaTypes : byte
{
    None = 0,
    Object = 1,
    Array = 2,
    String = 4,
    Number = 8,
    Integer = 16,
    Boolean = 32,
    Null = 64,
    Any = 127,
}

/// <summary>The keywords that can be enforced, and for which types (JSON Schema 2020-12, Validation, sections 6.1 to 6.5).</summary>
internal static class SchemaKeywords
{
    private static readonly Dictionary<string, SchemaTypes> Enforced = new(StringComparer.Ordinal)
    {
        ["properties"] = SchemaTypes.Object,
        ["required"] = SchemaTypes.Object,
        ["additionalProperties"] = SchemaTypes.Object,
        ["maxProperties"] = SchemaTypes.Object,
        ["items"] = SchemaTypes.Array,
        ["minItems"] = SchemaTypes.Array,
        ["maxItems"] = SchemaTypes.Array,
        ["minLength"] = SchemaTypes.String,
        ["maxLength"] = SchemaTypes.String,
        ["x-span-of"] = SchemaTypes.String,
        ["minimum"] = SchemaTypes.Number | SchemaTypes.Integer,
        ["maximum"] = SchemaTypes.Number | SchemaTypes.Integer,
        ["exclusiveMinimum"] = SchemaTypes.Number | SchemaTypes.Integer,
        ["exclusiveMaximum"] = SchemaTypes.Number | SchemaTypes.Integer,
    };

    /// <summary>They say what kind of schema this is; nothing but annotations may stand beside the last four.</summary>
    private static readonly string[] Structural = ["type", "enum", "const", "anyOf", "oneOf", "$ref"];

    /// <summary>They describe and do not restrict (2020-12, Core section 8 and Validation section 9).</summary>
    private static readonly string[] Annotations =
        ["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$schema", "$id", "$comment", "$defs", "definitions"];

    public const string Allowed = "type, enum, const, anyOf, oneOf, $ref, properties, required, additionalProperties, maxProperties, items, minItems, maxItems, "
        + "minLength, maxLength, x-span-of, minimum, maximum, exclusiveMinimum, exclusiveMaximum and annotations";

    public static bool IsAnnotation(string keyword) => Annotations.Contains(keyword);

    public static bool IsStructural(string keyword) => Structural.Contains(keyword);

    /// <summary>The types that a keyword restricts; none when it is not enforced here.</summary>
    public static SchemaTypes TypesOf(string keyword) => Enforced.GetValueOrDefault(keyword);

    /// <summary>False when a name is no type of JSON Schema.</summary>
    public static bool TryType(string? name, out SchemaTypes type)
    {
        type = name switch
        {
            "object" => SchemaTypes.Object,
            "array" => SchemaTypes.Array,
            "string" => SchemaTypes.String,
            "number" => SchemaTypes.Number,
            "integer" => SchemaTypes.Integer,
            "boolean" => SchemaTypes.Boolean,
            "null" => SchemaTypes.Null,
            _ => SchemaTypes.None,
        };
        return type != SchemaTypes.None;
    }

    public static SchemaTypes TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => SchemaTypes.Object,
        JsonValueKind.Array => SchemaTypes.Array,
        JsonValueKind.String => SchemaTypes.String,
        JsonValueKind.True or JsonValueKind.False => SchemaTypes.Boolean,
        JsonValueKind.Null => SchemaTypes.Null,
        _ => value.TryGetDecimal(out var number) && decimal.Truncate(number) == number ? SchemaTypes.Integer | SchemaTypes.Number : SchemaTypes.Number,
    };
}
