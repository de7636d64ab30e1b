using System.Text.Json;
using System.Text.RegularExpressions;

namespace Jesus.Appliance.Pipeline;

/// <summary>
/// Validates an answer against the caller's JSON schema (draft 2020-12) with the keywords that providers accept for structured outputs. Keywords that are
/// not known here hold: an answer is never called wrong for something nobody checked. Pure.
/// </summary>
internal static class AnswerSchema
{
    /// <summary>Schemas that refer to themselves end with the value; this bounds those that only refer in circles.</summary>
    private const int DepthMax = 256;

    /// <summary>A pattern of the caller's must not hold a thread.</summary>
    private static readonly TimeSpan PatternTime = TimeSpan.FromMilliseconds(100);

    /// <returns>The first thing that is wrong, with its place; empty when nothing is.</returns>
    public static string Problem(JsonElement schema, JsonElement value) => Problem(schema, schema, value, "", 0);

    private static string Problem(JsonElement root, JsonElement schema, JsonElement value, string at, int depth)
    {
        if (schema.ValueKind == JsonValueKind.False)
        {
            return $"{Place(at)} is not allowed";
        }

        if (schema.ValueKind != JsonValueKind.Object || depth > DepthMax)
        {
            return "";
        }

        foreach (var keyword in schema.EnumerateObject())
        {
            var problem = OfKeyword(root, schema, keyword, value, at, depth + 1);
            if (problem.Length > 0)
            {
                return problem;
            }
        }

        return "";
    }

    private static string OfKeyword(JsonElement root, JsonElement schema, JsonProperty keyword, JsonElement value, string at, int depth) => keyword.Name switch
    {
        "$ref" => Resolve(root, keyword.Value) is { } target ? Problem(root, target, value, at, depth) : "",
        "type" => IsOfType(keyword.Value, value) ? "" : $"{Place(at)} is no {keyword.Value}",
        "enum" => keyword.Value.EnumerateArray().Any(one => JsonElement.DeepEquals(one, value)) ? "" : $"{Place(at)} is none of the allowed values",
        "const" => JsonElement.DeepEquals(keyword.Value, value) ? "" : $"{Place(at)} is not the allowed value",
        "allOf" => keyword.Value.EnumerateArray().Select(one => Problem(root, one, value, at, depth)).FirstOrDefault(p => p.Length > 0) ?? "",
        "anyOf" => Fitting(root, keyword.Value, value, depth) > 0 ? "" : $"{Place(at)} fits none of the allowed forms",
        "oneOf" => Fitting(root, keyword.Value, value, depth) == 1 ? "" : $"{Place(at)} does not fit exactly one of the allowed forms",
        "not" => Problem(root, keyword.Value, value, at, depth).Length > 0 ? "" : $"{Place(at)} is a form that is not allowed",
        _ => value.ValueKind switch
        {
            JsonValueKind.Object => OfObject(root, schema, keyword, value, at, depth),
            JsonValueKind.Array => OfArray(root, schema, keyword, value, at, depth),
            JsonValueKind.String => OfString(keyword, value.GetString()!, at),
            JsonValueKind.Number => OfNumber(keyword, value.GetDouble(), at),
            _ => "",
        },
    };

    private static int Fitting(JsonElement root, JsonElement forms, JsonElement value, int depth) =>
        forms.EnumerateArray().Count(one => Problem(root, one, value, "", depth).Length == 0);

    private static string OfObject(JsonElement root, JsonElement schema, JsonProperty keyword, JsonElement value, string at, int depth)
    {
        switch (keyword.Name)
        {
            case "required":
                var missing = keyword.Value.EnumerateArray().FirstOrDefault(name => !value.TryGetProperty(name.GetString()!, out _));
                return missing.ValueKind == JsonValueKind.Undefined ? "" : $"{Place(at)} lacks '{missing}'";
            case "properties":
                return keyword.Value.EnumerateObject()
                    .Select(p => value.TryGetProperty(p.Name, out var member) ? Problem(root, p.Value, member, $"{at}.{p.Name}", depth) : "")
                    .FirstOrDefault(p => p.Length > 0) ?? "";
            case "additionalProperties":
                return Others(schema, value).Select(m => Problem(root, keyword.Value, m.Value, $"{at}.{m.Name}", depth)).FirstOrDefault(p => p.Length > 0) ?? "";
            case "minProperties":
                return value.EnumerateObject().Count() >= keyword.Value.GetDouble() ? "" : $"{Place(at)} has too few members";
            case "maxProperties":
                return value.EnumerateObject().Count() <= keyword.Value.GetDouble() ? "" : $"{Place(at)} has too many members";
            default:
                return "";
        }
    }

    /// <summary>Members that neither <c>properties</c> nor <c>patternProperties</c> speaks of.</summary>
    private static IEnumerable<JsonProperty> Others(JsonElement schema, JsonElement value) => value.EnumerateObject().Where(member =>
        !(schema.TryGetProperty("properties", out var known) && known.TryGetProperty(member.Name, out _))
        && !(schema.TryGetProperty("patternProperties", out var patterns) && patterns.EnumerateObject().Any(p => Matches(p.Name, member.Name))));

    private static string OfArray(JsonElement root, JsonElement schema, JsonProperty keyword, JsonElement value, string at, int depth)
    {
        switch (keyword.Name)
        {
            case "items":
                var before = schema.TryGetProperty("prefixItems", out var prefix) ? prefix.GetArrayLength() : 0;
                return value.EnumerateArray().Skip(before).Select((item, i) => Problem(root, keyword.Value, item, $"{at}[{i + before}]", depth))
                    .FirstOrDefault(p => p.Length > 0) ?? "";
            case "prefixItems":
                return keyword.Value.EnumerateArray().Zip(value.EnumerateArray()).Select((pair, i) => Problem(root, pair.First, pair.Second, $"{at}[{i}]", depth))
                    .FirstOrDefault(p => p.Length > 0) ?? "";
            case "minItems":
                return value.GetArrayLength() >= keyword.Value.GetDouble() ? "" : $"{Place(at)} has too few items";
            case "maxItems":
                return value.GetArrayLength() <= keyword.Value.GetDouble() ? "" : $"{Place(at)} has too many items";
            case "uniqueItems" when keyword.Value.ValueKind == JsonValueKind.True:
                var items = value.EnumerateArray().ToArray();
                return items.Where((item, i) => items.Take(i).Any(other => JsonElement.DeepEquals(item, other))).Any() ? $"{Place(at)} has an item twice" : "";
            default:
                return "";
        }
    }

    private static string OfString(JsonProperty keyword, string value, string at) => keyword.Name switch
    {
        "minLength" => value.EnumerateRunes().Count() >= keyword.Value.GetDouble() ? "" : $"{Place(at)} is too short",
        "maxLength" => value.EnumerateRunes().Count() <= keyword.Value.GetDouble() ? "" : $"{Place(at)} is too long",
        "pattern" => Matches(keyword.Value.GetString()!, value) ? "" : $"{Place(at)} does not match its pattern",
        _ => "",
    };

    private static string OfNumber(JsonProperty keyword, double value, string at) => keyword.Name switch
    {
        "minimum" => value >= keyword.Value.GetDouble() ? "" : $"{Place(at)} is below {keyword.Value}",
        "maximum" => value <= keyword.Value.GetDouble() ? "" : $"{Place(at)} is above {keyword.Value}",
        "exclusiveMinimum" => value > keyword.Value.GetDouble() ? "" : $"{Place(at)} is not above {keyword.Value}",
        "exclusiveMaximum" => value < keyword.Value.GetDouble() ? "" : $"{Place(at)} is not below {keyword.Value}",
        "multipleOf" => Math.Abs(Math.IEEERemainder(value, keyword.Value.GetDouble())) < 1e-9 ? "" : $"{Place(at)} is no multiple of {keyword.Value}",
        _ => "",
    };

    private static bool IsOfType(JsonElement type, JsonElement value) => type.ValueKind == JsonValueKind.Array
        ? type.EnumerateArray().Any(one => IsOfType(one, value))
        : type.GetString() switch
        {
            "object" => value.ValueKind == JsonValueKind.Object,
            "array" => value.ValueKind == JsonValueKind.Array,
            "string" => value.ValueKind == JsonValueKind.String,
            "number" => value.ValueKind == JsonValueKind.Number,
            "integer" => value.ValueKind == JsonValueKind.Number && double.IsInteger(value.GetDouble()),
            "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            "null" => value.ValueKind == JsonValueKind.Null,
            _ => true,
        };

    /// <summary>Only references inside the schema (RFC 6901 pointers); others hold.</summary>
    private static JsonElement? Resolve(JsonElement root, JsonElement reference)
    {
        if (reference.GetString() is not { } text || !text.StartsWith('#'))
        {
            return null;
        }

        var target = root;
        foreach (var step in text[1..].Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = Uri.UnescapeDataString(step).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (target.ValueKind != JsonValueKind.Object || !target.TryGetProperty(name, out target))
            {
                return null;
            }
        }

        return target;
    }

    /// <summary>A pattern that .NET cannot read, or not in time, holds.</summary>
    private static bool Matches(string pattern, string text)
    {
        try
        {
            return Regex.IsMatch(text, pattern, RegexOptions.CultureInvariant, PatternTime);
        }
        catch (Exception e) when (e is ArgumentException or RegexMatchTimeoutException)
        {
            return true;
        }
    }

    private static string Place(string at) => at.Length == 0 ? "it" : $"'{at.TrimStart('.')}'";
}
