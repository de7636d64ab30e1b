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
        ["patternProperties"] = SchemaTypes.Object,
        ["propertyNames"] = SchemaTypes.Object,
        ["minProperties"] = SchemaTypes.Object,
        ["maxProperties"] = SchemaTypes.Object,
        ["items"] = SchemaTypes.Array,
        ["prefixItems"] = SchemaTypes.Array,
        ["minItems"] = SchemaTypes.Array,
        ["maxItems"] = SchemaTypes.Array,
        ["minLength"] = SchemaTypes.String,
        ["maxLength"] = SchemaTypes.String,
        ["pattern"] = SchemaTypes.String,
        ["format"] = SchemaTypes.String | SchemaTypes.Number | SchemaTypes.Integer,
        ["x-span-of"] = SchemaTypes.String,
        ["minimum"] = SchemaTypes.Number | SchemaTypes.Integer,
        ["maximum"] = SchemaTypes.Number | SchemaTypes.Integer,
        ["exclusiveMinimum"] = SchemaTypes.Number | SchemaTypes.Integer,
        ["exclusiveMaximum"] = SchemaTypes.Number | SchemaTypes.Integer,
        ["multipleOf"] = SchemaTypes.Number | SchemaTypes.Integer,
    };

    /// <summary>They say what kind of schema this is.</summary>
    private static readonly string[] Structural = ["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"];

    /// <summary>They lead to other schemas and say nothing themselves.</summary>
    private static readonly string[] Joining = ["anyOf", "oneOf", "allOf", "$ref"];

    /// <summary>They describe and do not restrict (2020-12, Core section 8 and Validation section 9).</summary>
    private static readonly string[] Annotations =
        ["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$schema", "$id", "$comment", "$defs", "definitions",
         "contentMediaType", "contentEncoding", "$anchor"];

    public const string Allowed = "type, enum, const, anyOf, oneOf, allOf, $ref, properties, required, additionalProperties, patternProperties, propertyNames, "
        + "minProperties, maxProperties, items, prefixItems, minItems, maxItems, minLength, maxLength, pattern, format, x-span-of, minimum, maximum, "
        + "exclusiveMinimum, exclusiveMaximum, multipleOf and annotations";

    public static bool IsAnnotation(string keyword) => Annotations.Contains(keyword);

    public static bool IsStructural(string keyword) => Structural.Contains(keyword);

    /// <summary>
    /// Said by generators where it holds anyway: items need not differ; and what is not listed is not generated, so nothing is left unevaluated.
    /// </summary>
    public static bool RestrictsNothing(JsonProperty keyword) => keyword.Name switch
    {
        "uniqueItems" => keyword.Value.ValueKind == JsonValueKind.False,
        "unevaluatedProperties" => keyword.Value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        _ => false,
    };

    /// <summary>The schema says something beside annotations and what it joins.</summary>
    public static bool HasOwn(JsonElement schema)
    {
        foreach (var property in schema.EnumerateObject())
        {
            if (!IsAnnotation(property.Name) && !Joining.Contains(property.Name))
            {
                return true;
            }
        }

        return false;
    }

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
