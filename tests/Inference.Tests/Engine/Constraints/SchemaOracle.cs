using System.Text.Json;

namespace Jesus.Inference.Tests.Engine.Constraints;

/// <summary>A small JSON Schema validator written apart from the compiler: what the constraint's answers are judged by.</summary>
internal sealed class SchemaOracle
{
    private readonly JsonElement _root;
    private readonly Dictionary<string, string> _inputs;

    public SchemaOracle(JsonElement root, Dictionary<string, string> inputs) => (_root, _inputs) = (root, inputs);

    public bool IsValid(JsonElement value) => IsValid(_root, value);

    private bool IsValid(JsonElement schema, JsonElement value)
    {
        if (schema.ValueKind == JsonValueKind.True)
        {
            return true;
        }

        if (schema.TryGetProperty("$ref", out var reference))
        {
            var target = _root;
            foreach (var part in reference.GetString()!.Split('/').Skip(1))
            {
                target = target.GetProperty(part);
            }

            return IsValid(target, value);
        }

        return HasType(schema, value) && HasConstant(schema, value) && MatchesBranches(schema, value) && value.ValueKind switch
        {
            JsonValueKind.Object => IsValidObject(schema, value),
            JsonValueKind.Array => IsValidArray(schema, value),
            JsonValueKind.String => IsValidString(schema, value.GetString()!),
            JsonValueKind.Number => IsValidNumber(schema, value),
            _ => true,
        };
    }

    private static bool HasType(JsonElement schema, JsonElement value)
    {
        if (!schema.TryGetProperty("type", out var type))
        {
            return true;
        }

        var names = type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(name => name.GetString()) : [type.GetString()];
        return names.Any(name => name switch
        {
            "object" => value.ValueKind == JsonValueKind.Object,
            "array" => value.ValueKind == JsonValueKind.Array,
            "string" => value.ValueKind == JsonValueKind.String,
            "number" => value.ValueKind == JsonValueKind.Number,
            "integer" => value.ValueKind == JsonValueKind.Number && value.GetDecimal() == decimal.Truncate(value.GetDecimal()),
            "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            _ => value.ValueKind == JsonValueKind.Null,
        });
    }

    private static bool HasConstant(JsonElement schema, JsonElement value)
    {
        if (schema.TryGetProperty("const", out var constant) && !JsonElement.DeepEquals(constant, value))
        {
            return false;
        }

        return !schema.TryGetProperty("enum", out var list) || list.EnumerateArray().Any(one => JsonElement.DeepEquals(one, value));
    }

    private bool MatchesBranches(JsonElement schema, JsonElement value)
    {
        if (schema.TryGetProperty("anyOf", out var any) && !any.EnumerateArray().Any(branch => IsValid(branch, value)))
        {
            return false;
        }

        return !schema.TryGetProperty("oneOf", out var one) || one.EnumerateArray().Count(branch => IsValid(branch, value)) == 1;
    }

    private bool IsValidObject(JsonElement schema, JsonElement value)
    {
        if (schema.TryGetProperty("required", out var required) && !required.EnumerateArray().All(name => value.TryGetProperty(name.GetString()!, out _)))
        {
            return false;
        }

        var listed = schema.TryGetProperty("properties", out var properties) ? properties : default;
        foreach (var property in value.EnumerateObject())
        {
            if (listed.ValueKind == JsonValueKind.Object && listed.TryGetProperty(property.Name, out var inner))
            {
                if (!IsValid(inner, property.Value))
                {
                    return false;
                }
            }
            else if (schema.TryGetProperty("additionalProperties", out var more) && (more.ValueKind == JsonValueKind.False || !IsValid(more, property.Value)))
            {
                return false;
            }
        }

        return !schema.TryGetProperty("maxProperties", out var max) || value.EnumerateObject().Count() <= max.GetInt32();
    }

    private bool IsValidArray(JsonElement schema, JsonElement value)
    {
        var count = value.GetArrayLength();
        return (!schema.TryGetProperty("minItems", out var min) || count >= min.GetInt32())
            && (!schema.TryGetProperty("maxItems", out var max) || count <= max.GetInt32())
            && (!schema.TryGetProperty("items", out var items) || value.EnumerateArray().All(item => IsValid(items, item)));
    }

    private bool IsValidString(JsonElement schema, string text)
    {
        var length = text.EnumerateRunes().Count();
        return (!schema.TryGetProperty("minLength", out var min) || length >= min.GetInt32())
            && (!schema.TryGetProperty("maxLength", out var max) || length <= max.GetInt32())
            && (!schema.TryGetProperty("x-span-of", out var span) || _inputs[span.GetString()!].Contains(text, StringComparison.Ordinal));
    }

    private static bool IsValidNumber(JsonElement schema, JsonElement value)
    {
        return (!schema.TryGetProperty("minimum", out var min) || value.GetDecimal() >= min.GetDecimal())
            && (!schema.TryGetProperty("maximum", out var max) || value.GetDecimal() <= max.GetDecimal())
            && (!schema.TryGetProperty("exclusiveMinimum", out var above) || value.GetDecimal() > above.GetDecimal())
            && (!schema.TryGetProperty("exclusiveMaximum", out var below) || value.GetDecimal() < below.GetDecimal());
    }
}
