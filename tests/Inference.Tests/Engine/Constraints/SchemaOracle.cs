using System.Globalization;
using System.Net;
using System.Net.Mail;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml;

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
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return schema.ValueKind == JsonValueKind.True;
        }

        return IsValidReference(schema, value) && HasType(schema, value) && HasConstant(schema, value) && MatchesBranches(schema, value) && value.ValueKind switch
        {
            JsonValueKind.Object => IsValidObject(schema, value),
            JsonValueKind.Array => IsValidArray(schema, value),
            JsonValueKind.String => IsValidString(schema, value.GetString()!),
            JsonValueKind.Number => IsValidNumber(schema, value),
            _ => true,
        };
    }

    private bool IsValidReference(JsonElement schema, JsonElement value)
    {
        if (!schema.TryGetProperty("$ref", out var reference))
        {
            return true;
        }

        var target = _root;
        foreach (var part in reference.GetString()!.Split('/').Skip(1))
        {
            target = target.GetProperty(part);
        }

        return IsValid(target, value);
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
        if (schema.TryGetProperty("allOf", out var all) && !all.EnumerateArray().All(branch => IsValid(branch, value)))
        {
            return false;
        }

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

        // A name that comes twice is one property, whose last value counts; all of them are judged.
        var count = value.EnumerateObject().Select(property => property.Name).Distinct().Count();
        return value.EnumerateObject().All(property => IsValidMember(schema, property))
            && (!schema.TryGetProperty("minProperties", out var min) || count >= min.GetInt32())
            && (!schema.TryGetProperty("maxProperties", out var max) || count <= max.GetInt32());
    }

    private bool IsValidMember(JsonElement schema, JsonProperty property)
    {
        var schemas = new List<JsonElement>();
        if (schema.TryGetProperty("properties", out var listed) && listed.TryGetProperty(property.Name, out var own))
        {
            schemas.Add(own);
        }

        if (schema.TryGetProperty("patternProperties", out var patterns))
        {
            schemas.AddRange(patterns.EnumerateObject().Where(pattern => Matches(pattern.Name, property.Name)).Select(pattern => pattern.Value));
        }

        if (schemas.Count == 0 && schema.TryGetProperty("additionalProperties", out var more))
        {
            schemas.Add(more);
        }

        return schemas.TrueForAll(one => IsValid(one, property.Value)) && (!schema.TryGetProperty("propertyNames", out var names) || IsValidString(names, property.Name));
    }

    private bool IsValidArray(JsonElement schema, JsonElement value)
    {
        var count = value.GetArrayLength();
        JsonElement[] first = schema.TryGetProperty("prefixItems", out var prefix) ? [.. prefix.EnumerateArray()] : [];
        return (!schema.TryGetProperty("minItems", out var min) || count >= min.GetInt32())
            && (!schema.TryGetProperty("maxItems", out var max) || count <= max.GetInt32())
            && value.EnumerateArray().Zip(first).All(pair => IsValid(pair.Second, pair.First))
            && (!schema.TryGetProperty("items", out var items) || value.EnumerateArray().Skip(first.Length).All(item => IsValid(items, item)));
    }

    private bool IsValidString(JsonElement schema, string text)
    {
        var length = text.EnumerateRunes().Count();
        return (!schema.TryGetProperty("minLength", out var min) || length >= min.GetInt32())
            && (!schema.TryGetProperty("maxLength", out var max) || length <= max.GetInt32())
            && (!schema.TryGetProperty("pattern", out var pattern) || Matches(pattern.GetString()!, text))
            && (!schema.TryGetProperty("format", out var format) || HasFormat(format.GetString()!, text))
            && (!schema.TryGetProperty("x-span-of", out var span) || _inputs[span.GetString()!].Contains(text, StringComparison.Ordinal));
    }

    /// <summary>The base library counts a character beyond U+FFFF as two; another letter stands for it.</summary>
    private static bool Matches(string pattern, string text) =>
        Regex.IsMatch(string.Concat(text.EnumerateRunes().Select(rune => rune.Value > 0xFFFF ? "é" : rune.ToString())), pattern, RegexOptions.CultureInvariant);

    /// <summary>The base library's own readers, but for the formats that it has none of.</summary>
    public static bool HasFormat(string format, string text) => format switch
    {
        "date-time" => text.Contains('T') && DateTimeOffset.TryParse(Cut(text), CultureInfo.InvariantCulture, out _),
        "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
        "time" => DateTimeOffset.TryParse("2024-02-29T" + Cut(text), CultureInfo.InvariantCulture, out _),
        "duration" => IsDuration(text),
        "email" => text.Length <= 254 && MailAddress.TryCreate(text, out var address) && address.Address == text,
        "hostname" => text.Length <= 253 && Uri.CheckHostName(text) is UriHostNameType.Dns or UriHostNameType.IPv4,
        "ipv4" => text.Count(c => c == '.') == 3 && IPAddress.TryParse(text, out var v4) && v4.ToString() == text,
        "ipv6" => text.Contains(':') && IPAddress.TryParse(text, out _),
        "uuid" => Guid.TryParseExact(text, "D", out _),
        "uri" => Uri.IsWellFormedUriString(Shorter(text), UriKind.Absolute) || Regex.IsMatch(text, "^[A-Za-z][A-Za-z0-9+.-]*:[^\\s\"<>\\\\^`{|}]*$"),
        _ => throw new ArgumentException(format),
    };

    /// <summary>The base library reads seven digits of a second and offsets up to 14 hours; RFC 3339 allows more.</summary>
    private static string Cut(string text) => Regex.Replace(Regex.Replace(text, @"(\.\d{1,7})\d*", "$1"), @"[+-]\d\d:\d\d$", "Z");

    private static string Shorter(string text) => text.Length > 2000 ? text[..2000] : text;

    private static bool IsDuration(string text)
    {
        try
        {
            _ = text.EndsWith('W') ? TimeSpan.FromDays(7) : XmlConvert.ToTimeSpan(Regex.Replace(text, @"\d+", "1"));
            return Regex.IsMatch(text, @"^P(\d+W|(?=.)(\d+Y)?(\d+M)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?)$");
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static bool IsValidNumber(JsonElement schema, JsonElement value)
    {
        return (!schema.TryGetProperty("minimum", out var min) || value.GetDecimal() >= min.GetDecimal())
            && (!schema.TryGetProperty("maximum", out var max) || value.GetDecimal() <= max.GetDecimal())
            && (!schema.TryGetProperty("exclusiveMinimum", out var above) || value.GetDecimal() > above.GetDecimal())
            && (!schema.TryGetProperty("exclusiveMaximum", out var below) || value.GetDecimal() < below.GetDecimal())
            && (!schema.TryGetProperty("multipleOf", out var step) || value.GetDecimal() % step.GetDecimal() == 0);
    }
}
