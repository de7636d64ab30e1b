using System.Text.Json;

namespace Jesus.Appliance.Tools;

/// <summary>
/// Validates values against the subset of JSON schema (draft 2020-12) that workflows and tools use: <c>type, enum, const, properties, required,
/// additionalProperties, items, minItems, maxItems, minLength, maxLength, minimum, maximum, anyOf, oneOf, x-span-of</c> and the annotations.
/// Pure.
/// </summary>
public static class SchemaValidator
{
    /// <summary>Enough to repair a value; the rest follows from the first.</summary>
    public const int ProblemsMax = 8;

    private static readonly string[] Keywords =
    [
        "type", "enum", "const", "properties", "required", "additionalProperties", "items", "minItems", "maxItems", "minLength", "maxLength",
        "minimum", "maximum", "anyOf", "oneOf", "x-span-of", "title", "description", "default", "examples", "$schema",
    ];

    private static readonly string[] Types = ["object", "array", "string", "number", "integer", "boolean", "null"];

    /// <summary>What is wrong with a value: each with the place as a JSON path. Empty when it is valid.</summary>
    /// <param name="inputs">Named texts for <c>x-span-of</c>; a name that is not among them is not checked.</param>
    public static IReadOnlyList<string> Validate(JsonElement schema, JsonElement value, IReadOnlyDictionary<string, string>? inputs = null)
    {
        var problems = new List<string>();
        Check(schema, value, "", inputs, problems);
        return problems;
    }

    /// <summary>What is wrong with a schema itself: keywords and types that nobody here enforces. Empty when it can be used.</summary>
    public static IReadOnlyList<string> ProblemsOf(JsonElement schema, string at = "")
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return [];
        }

        if (schema.ValueKind != JsonValueKind.Object)
        {
            return [$"{Place(at)} must be a schema (a mapping)"];
        }

        return [.. schema.EnumerateObject().SelectMany(keyword => ProblemsOf(keyword, at)).Take(ProblemsMax)];
    }

    /// <summary>The keywords that a schema may use.</summary>
    public static IReadOnlyList<string> AllowedKeywords => Keywords;

    private static IEnumerable<string> ProblemsOf(JsonProperty keyword, string at) => keyword.Name switch
    {
        "properties" when keyword.Value.ValueKind == JsonValueKind.Object =>
            keyword.Value.EnumerateObject().SelectMany(property => ProblemsOf(property.Value, $"{at}.{property.Name}")),
        "items" => ProblemsOf(keyword.Value, at + "[]"),
        "anyOf" or "oneOf" when keyword.Value.ValueKind == JsonValueKind.Array => keyword.Value.EnumerateArray().SelectMany(choice => ProblemsOf(choice, at)),
        "type" when keyword.Value.ValueKind == JsonValueKind.String && !Types.Contains(keyword.Value.GetString()) =>
            [$"{Place(at)}: there is no type '{keyword.Value.GetString()}' (allowed: {string.Join(", ", Types)})"],
        _ when !Keywords.Contains(keyword.Name) => [$"{Place(at)}: the keyword '{keyword.Name}' is not enforced here (allowed: {string.Join(", ", Keywords)})"],
        _ => [],
    };

    private static void Check(JsonElement schema, JsonElement value, string at, IReadOnlyDictionary<string, string>? inputs, List<string> problems)
    {
        if (problems.Count >= ProblemsMax || schema.ValueKind == JsonValueKind.True)
        {
            return;
        }

        if (schema.ValueKind != JsonValueKind.Object)
        {
            problems.Add($"{Place(at)} is not allowed");
            return;
        }

        if (schema.TryGetProperty("type", out var type) && !IsOfType(type, value))
        {
            problems.Add($"{Place(at)} must be {TypeWords(type)}, and is {Show(value)}");
            return;
        }

        CheckChoices(schema, value, at, inputs, problems);
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                CheckObject(schema, value, at, inputs, problems);
                break;
            case JsonValueKind.Array:
                CheckArray(schema, value, at, inputs, problems);
                break;
            case JsonValueKind.String:
                CheckString(schema, value.GetString()!, at, inputs, problems);
                break;
            case JsonValueKind.Number:
                CheckNumber(schema, value, at, problems);
                break;
        }
    }

    private static bool IsOfType(JsonElement type, JsonElement value) => type.ValueKind == JsonValueKind.Array
        ? type.EnumerateArray().Any(one => IsOfType(one, value))
        : type.GetString() switch
        {
            "object" => value.ValueKind == JsonValueKind.Object,
            "array" => value.ValueKind == JsonValueKind.Array,
            "string" => value.ValueKind == JsonValueKind.String,
            "number" => value.ValueKind == JsonValueKind.Number,
            "integer" => value.ValueKind == JsonValueKind.Number && IsInteger(value),
            "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            "null" => value.ValueKind == JsonValueKind.Null,
            _ => false,
        };

    private static bool IsInteger(JsonElement value) => value.TryGetDecimal(out var number) ? number == decimal.Truncate(number) : double.IsInteger(value.GetDouble());

    private static void CheckChoices(JsonElement schema, JsonElement value, string at, IReadOnlyDictionary<string, string>? inputs, List<string> problems)
    {
        if (schema.TryGetProperty("enum", out var allowed) && !allowed.EnumerateArray().Any(one => JsonElement.DeepEquals(one, value)))
        {
            problems.Add($"{Place(at)} must be one of {string.Join(", ", allowed.EnumerateArray().Select(Show))}, and is {Show(value)}");
        }

        if (schema.TryGetProperty("const", out var only) && !JsonElement.DeepEquals(only, value))
        {
            problems.Add($"{Place(at)} must be {Show(only)}, and is {Show(value)}");
        }

        if (schema.TryGetProperty("anyOf", out var any) && !any.EnumerateArray().Any(one => Validate(one, value, inputs).Count == 0))
        {
            problems.Add($"{Place(at)} fits none of the {any.GetArrayLength()} allowed forms");
        }

        if (schema.TryGetProperty("oneOf", out var exactly) && exactly.EnumerateArray().Count(one => Validate(one, value, inputs).Count == 0) != 1)
        {
            problems.Add($"{Place(at)} must fit exactly one of the {exactly.GetArrayLength()} allowed forms");
        }
    }

    private static void CheckObject(JsonElement schema, JsonElement value, string at, IReadOnlyDictionary<string, string>? inputs, List<string> problems)
    {
        if (schema.TryGetProperty("required", out var required))
        {
            problems.AddRange(required.EnumerateArray().Where(name => !value.TryGetProperty(name.GetString()!, out _)).Select(name => $"{Place(at)} lacks '{name.GetString()}'"));
        }

        var hasProperties = schema.TryGetProperty("properties", out var properties);
        var hasRest = schema.TryGetProperty("additionalProperties", out var rest);
        foreach (var member in value.EnumerateObject())
        {
            if (hasProperties && properties.TryGetProperty(member.Name, out var known))
            {
                Check(known, member.Value, $"{at}.{member.Name}", inputs, problems);
            }
            else if (hasRest && rest.ValueKind == JsonValueKind.Object)
            {
                Check(rest, member.Value, $"{at}.{member.Name}", inputs, problems);
            }
            else if (hasProperties && (!hasRest || rest.ValueKind == JsonValueKind.False))
            {
                problems.Add($"{Place(at)} may not have '{member.Name}' (allowed: {string.Join(", ", properties.EnumerateObject().Select(property => property.Name))})");
            }
        }
    }

    private static void CheckArray(JsonElement schema, JsonElement value, string at, IReadOnlyDictionary<string, string>? inputs, List<string> problems)
    {
        var count = value.GetArrayLength();
        if (schema.TryGetProperty("minItems", out var min) && count < min.GetInt32())
        {
            problems.Add($"{Place(at)} must have at least {min} members, and has {count}");
        }

        if (schema.TryGetProperty("maxItems", out var max) && count > max.GetInt32())
        {
            problems.Add($"{Place(at)} may have at most {max} members, and has {count}");
        }

        if (schema.TryGetProperty("items", out var items))
        {
            var index = 0;
            foreach (var item in value.EnumerateArray())
            {
                Check(items, item, $"{at}[{index++}]", inputs, problems);
            }
        }
    }

    private static void CheckString(JsonElement schema, string value, string at, IReadOnlyDictionary<string, string>? inputs, List<string> problems)
    {
        var length = value.EnumerateRunes().Count();
        if (schema.TryGetProperty("minLength", out var min) && length < min.GetInt32())
        {
            problems.Add($"{Place(at)} must have at least {min} characters, and has {length}");
        }

        if (schema.TryGetProperty("maxLength", out var max) && length > max.GetInt32())
        {
            problems.Add($"{Place(at)} may have at most {max} characters, and has {length}");
        }

        if (schema.TryGetProperty("x-span-of", out var name) && inputs?.GetValueOrDefault(name.GetString()!) is { } text && !text.Contains(value, StringComparison.Ordinal))
        {
            problems.Add($"{Place(at)} must be a piece of the input '{name.GetString()}', and is not");
        }
    }

    private static void CheckNumber(JsonElement schema, JsonElement value, string at, List<string> problems)
    {
        if (schema.TryGetProperty("minimum", out var min) && value.GetDouble() < min.GetDouble())
        {
            problems.Add($"{Place(at)} must be at least {min}, and is {value}");
        }

        if (schema.TryGetProperty("maximum", out var max) && value.GetDouble() > max.GetDouble())
        {
            problems.Add($"{Place(at)} may be at most {max}, and is {value}");
        }
    }

    private static string Place(string at) => at.Length == 0 ? "the value" : $"'{at.TrimStart('.')}'";

    private static string TypeWords(JsonElement type) =>
        type.ValueKind == JsonValueKind.Array ? string.Join(" or ", type.EnumerateArray().Select(one => one.GetString())) : type.GetString() ?? "?";

    private static string Show(JsonElement value)
    {
        var text = value.GetRawText();
        return text.Length <= 40 ? text : string.Concat(text.AsSpan(0, 37), "...");
    }
}
