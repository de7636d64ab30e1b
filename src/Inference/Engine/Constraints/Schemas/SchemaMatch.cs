using System.Text;
using System.Text.Json;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>Whether a value satisfies a schema: for the values of an enumeration beside other keywords. Says no where it cannot tell, which only leaves a value out.</summary>
internal sealed class SchemaMatch(JsonElement root)
{
    public bool IsValid(SchemaFacts facts, JsonElement value) =>
        facts.Parts.TrueForAll(part => OwnKeywords(part.Element, value, 0)) && facts.Unions.TrueForAll(union => Branches(union.Owner.Element, union.Keyword, value, 0));

    private bool IsValid(JsonElement schema, JsonElement value, int depth)
    {
        if (schema.ValueKind != JsonValueKind.Object || depth > ConstraintLimits.SchemaNestingMax)
        {
            return schema.ValueKind == JsonValueKind.True;
        }

        if (schema.TryGetProperty("$ref", out var reference)
            && !(reference.ValueKind == JsonValueKind.String && SchemaPointer.TryResolve(root, reference.GetString()!, out var target) && IsValid(target, value, depth + 1)))
        {
            return false;
        }

        if (schema.TryGetProperty("allOf", out var all) && !(all.ValueKind == JsonValueKind.Array && all.EnumerateArray().All(one => IsValid(one, value, depth + 1))))
        {
            return false;
        }

        return Branches(schema, "anyOf", value, depth) && Branches(schema, "oneOf", value, depth) && OwnKeywords(schema, value, depth);
    }

    private bool Branches(JsonElement schema, string keyword, JsonElement value, int depth)
    {
        if (!schema.TryGetProperty(keyword, out var branches))
        {
            return true;
        }

        var matching = branches.ValueKind == JsonValueKind.Array ? branches.EnumerateArray().Count(one => IsValid(one, value, depth + 1)) : 0;
        return keyword == "anyOf" ? matching > 0 : matching == 1;
    }

    private bool OwnKeywords(JsonElement schema, JsonElement value, int depth)
    {
        if ((schema.TryGetProperty("const", out var constant) && !JsonElement.DeepEquals(constant, value))
            || (schema.TryGetProperty("enum", out var list) && !(list.ValueKind == JsonValueKind.Array && list.EnumerateArray().Any(one => JsonElement.DeepEquals(one, value)))))
        {
            return false;
        }

        if (schema.TryGetProperty("type", out var type) && !HasType(type, value))
        {
            return false;
        }

        return schema.EnumerateObject().All(keyword => (SchemaKeywords.TypesOf(keyword.Name) & SchemaKeywords.TypeOf(value)) == 0 || Holds(schema, keyword, value, depth + 1));
    }

    private static bool HasType(JsonElement type, JsonElement value)
    {
        foreach (var name in type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray()] : new[] { type })
        {
            if (SchemaKeywords.TryType(name.ValueKind == JsonValueKind.String ? name.GetString() : null, out var one) && (SchemaKeywords.TypeOf(value) & one) != 0)
            {
                return true;
            }
        }

        return false;
    }

    private bool Holds(JsonElement schema, JsonProperty keyword, JsonElement value, int depth) => value.ValueKind switch
    {
        JsonValueKind.String => OfString(keyword, value.GetString()!),
        JsonValueKind.Number => value.TryGetDecimal(out var number) && OfNumber(keyword, number),
        JsonValueKind.Array => OfArray(schema, keyword, value, depth),
        _ => OfObject(schema, keyword, value, depth),
    };

    private static bool OfString(JsonProperty keyword, string text) => keyword.Name switch
    {
        "minLength" => keyword.Value.TryGetDecimal(out var min) && text.EnumerateRunes().Count() >= min,
        "maxLength" => keyword.Value.TryGetDecimal(out var max) && text.EnumerateRunes().Count() <= max,
        "pattern" => StringSchemas.PatternOf(keyword.Value.GetString() ?? "", out _)?.Matches(Encoding.UTF8.GetBytes(text)) ?? false,
        "format" => StringFormats.Find(keyword.Value.GetString() ?? "")?.Matches(Encoding.UTF8.GetBytes(text)) ?? false,
        _ => false,
    };

    private static bool OfNumber(JsonProperty keyword, decimal number)
    {
        if (keyword.Name == "format")
        {
            return true;
        }

        if (keyword.Value.ValueKind != JsonValueKind.Number || !keyword.Value.TryGetDecimal(out var limit))
        {
            return false;
        }

        return keyword.Name switch
        {
            "minimum" => number >= limit,
            "maximum" => number <= limit,
            "exclusiveMinimum" => number > limit,
            "exclusiveMaximum" => number < limit,
            _ => limit > 0 && number % limit == 0,
        };
    }

    private bool OfArray(JsonElement schema, JsonProperty keyword, JsonElement value, int depth)
    {
        var prefix = schema.TryGetProperty("prefixItems", out var first) && first.ValueKind == JsonValueKind.Array ? first.GetArrayLength() : 0;
        return keyword.Name switch
        {
            "items" => value.EnumerateArray().Skip(prefix).All(item => IsValid(keyword.Value, item, depth)),
            "prefixItems" => value.EnumerateArray().Take(prefix).Select((item, index) => IsValid(keyword.Value[index], item, depth)).All(valid => valid),
            "minItems" => keyword.Value.TryGetDecimal(out var min) && value.GetArrayLength() >= min,
            "maxItems" => keyword.Value.TryGetDecimal(out var max) && value.GetArrayLength() <= max,
            _ => false,
        };
    }

    private bool OfObject(JsonElement schema, JsonProperty keyword, JsonElement value, int depth) => keyword.Name switch
    {
        "required" => keyword.Value.EnumerateArray().All(name => value.TryGetProperty(name.GetString()!, out _)),
        "minProperties" => keyword.Value.TryGetDecimal(out var min) && value.EnumerateObject().Count() >= min,
        "maxProperties" => keyword.Value.TryGetDecimal(out var max) && value.EnumerateObject().Count() <= max,
        "properties" or "patternProperties" or "additionalProperties" => value.EnumerateObject().All(member => MemberHolds(schema, member, depth)),
        _ => false,
    };

    private bool MemberHolds(JsonElement schema, JsonProperty member, int depth)
    {
        var isKnown = false;
        if (schema.TryGetProperty("properties", out var properties) && properties.TryGetProperty(member.Name, out var own))
        {
            isKnown = true;
            if (!IsValid(own, member.Value, depth))
            {
                return false;
            }
        }

        if (schema.TryGetProperty("patternProperties", out var patterns))
        {
            foreach (var pattern in patterns.EnumerateObject())
            {
                var isMatch = StringSchemas.PatternOf(pattern.Name, out _)?.Matches(Encoding.UTF8.GetBytes(member.Name)) ?? true;
                isKnown |= isMatch;
                if (isMatch && !IsValid(pattern.Value, member.Value, depth))
                {
                    return false;
                }
            }
        }

        return isKnown || !schema.TryGetProperty("additionalProperties", out var others) || IsValid(others, member.Value, depth);
    }
}
