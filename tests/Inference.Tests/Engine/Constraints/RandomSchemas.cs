using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Jesus.Inference.Tests.Engine.Constraints;

/// <summary>Schemas by dice, and the inputs that their spans name.</summary>
internal sealed class RandomSchemas
{
    private static readonly string[] Words = ["a", "name", "größe", "line \"1\"", "back\\slash", "漢字", "🙂", "tab\there", "esc\u001b[0m", "x-y_z"];
    private readonly Random _random;
    private bool _usesNode;

    public RandomSchemas(Random random) => _random = random;

    public Dictionary<string, string> Inputs { get; } = new()
    {
        ["line"] = "Nov 22 web-3 sshd[2211]: \"Failed\" \\ password\tfür root \u001b[31mfrom 漢字 🙂🙂 10.2.0.7\u0001\n",
        ["prompt"] = "x",
        ["none"] = "",
    };

    public string Next()
    {
        _usesNode = false;
        var schema = Schema(0);
        if (_usesNode)
        {
            schema["$defs"] = new JsonObject { ["node"] = Node() };
        }

        return schema.ToJsonString(new JsonSerializerOptions { WriteIndented = _random.Next(2) == 0 });
    }

    private static JsonNode Node() => JsonNode.Parse("""
        {"type":"object","properties":{"v":{"type":"integer","minimum":-3,"maximum":12},"next":{"$ref":"#/$defs/node"},
         "all":{"type":"array","maxItems":2,"items":{"$ref":"#/$defs/node"}}},"required":["v"]}
        """)!;

    private JsonObject Schema(int depth) => _random.Next(depth > 2 ? 7 : 11) switch
    {
        0 => String(),
        1 => new JsonObject { ["type"] = "boolean", ["description"] = "yes or no" },
        2 => new JsonObject { ["type"] = "null" },
        3 => Number("integer"),
        4 => Number("number"),
        5 => new JsonObject { ["enum"] = Constants() },
        6 => new JsonObject { ["const"] = Constant() },
        7 => Array(depth),
        8 => Union(depth),
        9 => Reference(),
        _ => Object(depth),
    };

    private JsonObject Reference()
    {
        _usesNode = true;
        return new JsonObject { ["$ref"] = "#/$defs/node" };
    }

    private JsonObject Union(int depth) => _random.Next(4) switch
    {
        0 => new JsonObject { ["type"] = new JsonArray("string", "null", "integer") },
        1 => new JsonObject { ["oneOf"] = new JsonArray(String(), Number("number"), new JsonObject { ["type"] = "null" }) },
        2 => new JsonObject { ["type"] = "object", ["additionalProperties"] = Schema(depth + 1), ["maxProperties"] = _random.Next(4) },
        _ => new JsonObject { ["anyOf"] = new JsonArray(Schema(depth + 1), Schema(depth + 1), Schema(depth + 1)) },
    };

    private JsonObject String()
    {
        var schema = new JsonObject { ["type"] = "string" };
        var min = _random.Next(3) == 0 ? _random.Next(4) : 0;
        if (min > 0)
        {
            schema["minLength"] = min;
        }

        schema["maxLength"] = min + _random.Next(6);
        if (_random.Next(2) == 0)
        {
            schema["x-span-of"] = min > 1 ? "line" : min > 0 ? "prompt" : Inputs.Keys.ElementAt(_random.Next(3));
        }

        return schema;
    }

    private JsonObject Number(string type)
    {
        var schema = new JsonObject { ["type"] = type };
        if (_random.Next(3) == 0)
        {
            return schema;
        }

        var low = Math.Round((decimal)((_random.NextDouble() - 0.5) * Math.Pow(10, _random.Next(7))), _random.Next(4));
        var high = low + Math.Round((decimal)(_random.NextDouble() * Math.Pow(10, _random.Next(7))), _random.Next(4)) + 2;
        schema[_random.Next(2) == 0 ? "minimum" : "exclusiveMinimum"] = JsonNode.Parse(low.ToString(CultureInfo.InvariantCulture));
        if (_random.Next(4) > 0)
        {
            schema[_random.Next(2) == 0 ? "maximum" : "exclusiveMaximum"] = JsonNode.Parse(high.ToString(CultureInfo.InvariantCulture));
        }

        return schema;
    }

    private JsonObject Array(int depth)
    {
        var min = _random.Next(3);
        return new JsonObject { ["type"] = "array", ["items"] = Schema(depth + 1), ["minItems"] = min, ["maxItems"] = min + _random.Next(3) };
    }

    private JsonObject Object(int depth)
    {
        var properties = new JsonObject();
        var required = new JsonArray();
        for (var i = _random.Next(5); i >= 0; i--)
        {
            var name = Words[_random.Next(Words.Length)] + i.ToString(CultureInfo.InvariantCulture);
            properties[name] = Schema(depth + 1);
            if (_random.Next(2) == 0)
            {
                required.Add(name);
            }
        }

        return new JsonObject { ["type"] = "object", ["properties"] = properties, ["required"] = required, ["additionalProperties"] = false };
    }

    private JsonArray Constants()
    {
        var list = new JsonArray();
        for (var i = _random.Next(4); i >= 0; i--)
        {
            list.Add(Constant());
        }

        return list;
    }

    private JsonNode? Constant() => _random.Next(5) switch
    {
        0 => _random.Next(1000),
        1 => true,
        2 => null,
        3 => JsonNode.Parse("""{"k":[1,"two"]}"""),
        _ => Words[_random.Next(Words.Length)],
    };
}
