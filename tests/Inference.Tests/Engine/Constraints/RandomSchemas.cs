using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Jesus.Inference.Tests.Engine.Constraints;

/// <summary>Schemas by dice, and the inputs that their spans name.</summary>
internal sealed class RandomSchemas
{
    private static readonly string[] Words = ["a", "name", "größe", "line \"1\"", "back\\slash", "漢字", "🙂", "tab\there", "esc\u001b[0m", "x-y_z"];
    private static readonly string[] Patterns =
    [
        "^[a-z]{1,4}$", "^\\d+(\\.\\d+)?$", "x", "^(foo|ba[rz])+$", "^[^\"]{0,3}ü?$", "^a.c$", "^\\w*-?$", "[\\\\/]", "^(?:[A-F0-9]{2}:){2}[A-F0-9]{2}$", "^\\S+\\s\\S+$", "|z",
    ];

    private static readonly string[] Formats = ["date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"];
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

        return schema.ToJsonString(new JsonSerializerOptions
        {
            WriteIndented = _random.Next(9) == 0,
            Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        });
    }

    private static JsonNode Node() => JsonNode.Parse("""
        {"type":"object","properties":{"v":{"type":"integer","minimum":-3,"maximum":12},"next":{"$ref":"#/$defs/node"},
         "all":{"type":"array","maxItems":2,"items":{"$ref":"#/$defs/node"}}},"required":["v"]}
        """)!;

    private JsonObject Schema(int depth) => _random.Next(depth > 2 ? 8 : 14) switch
    {
        0 => String(),
        1 => new JsonObject { ["type"] = "boolean", ["description"] = "yes or no" },
        2 => new JsonObject { ["type"] = "null" },
        3 => Number("integer"),
        4 => Number("number"),
        5 => new JsonObject { ["enum"] = Constants() },
        6 => new JsonObject { ["const"] = Constant() },
        7 => Text(),
        8 => Array(depth),
        9 => Union(depth),
        10 => Reference(),
        11 => Together(depth),
        12 => Map(depth),
        _ => Object(depth),
    };

    /// <summary>A string of a pattern, of a format, or of a list beside other keywords.</summary>
    private JsonObject Text()
    {
        var schema = new JsonObject { ["type"] = "string" };
        switch (_random.Next(3))
        {
            case 0:
                schema["pattern"] = Patterns[_random.Next(Patterns.Length)];
                if (_random.Next(3) == 0)
                {
                    schema["maxLength"] = _random.Next(6, 12);
                    schema["minLength"] = _random.Next(6);
                }

                break;
            case 1:
                schema["format"] = Formats[_random.Next(Formats.Length)];
                break;
            default:
                schema["enum"] = new JsonArray("a", "bb", "ccc", 7, "größe", true);
                schema["minLength"] = _random.Next(4);
                break;
        }

        return schema;
    }

    /// <summary>Schemas that hold at once: allOf, siblings of $ref and of unions.</summary>
    private JsonObject Together(int depth)
    {
        switch (_random.Next(4))
        {
            case 0:
                return new JsonObject { ["allOf"] = new JsonArray(Object(depth), Object(depth)) };
            case 1:
                return new JsonObject
                {
                    ["type"] = "string",
                    ["maxLength"] = 9,
                    ["allOf"] = new JsonArray(new JsonObject { ["pattern"] = "^[a-z0-9-]*$" }, new JsonObject { ["minLength"] = _random.Next(3), ["pattern"] = "[0-9a-f]" }),
                };
            case 2:
                _usesNode = true;
                return new JsonObject { ["$ref"] = "#/$defs/node", ["properties"] = new JsonObject { ["v"] = new JsonObject { ["minimum"] = 5 }, ["w"] = Schema(depth + 1) } };
            default:
                var union = Object(depth);
                union.Remove("additionalProperties");
                union["anyOf"] = new JsonArray(
                    new JsonObject { ["required"] = new JsonArray("left"), ["properties"] = new JsonObject { ["left"] = Schema(depth + 1) } },
                    new JsonObject { ["properties"] = new JsonObject { ["right"] = Number("integer") } });
                return union;
        }
    }

    private JsonObject Map(int depth)
    {
        var schema = new JsonObject { ["type"] = "object", ["additionalProperties"] = _random.Next(2) == 0 ? Schema(depth + 1) : false, ["maxProperties"] = _random.Next(1, 5) };
        if (_random.Next(2) == 0)
        {
            schema["patternProperties"] = new JsonObject { ["^x-"] = Schema(depth + 1), ["[0-9]$"] = new JsonObject { ["type"] = "boolean" } };
        }

        if (_random.Next(2) == 0)
        {
            schema["properties"] = new JsonObject { ["id"] = Number("integer"), ["x-1"] = true, ["name"] = String() };
            schema["required"] = new JsonArray("id");
        }

        if (_random.Next(3) == 0)
        {
            schema["propertyNames"] = new JsonObject { ["pattern"] = "^[a-z]", ["maxLength"] = 6 };
        }

        if (_random.Next(3) == 0)
        {
            schema["minProperties"] = 1;
        }

        return schema;
    }

    private JsonObject Reference()
    {
        _usesNode = true;
        return new JsonObject { ["$ref"] = "#/$defs/node" };
    }

    private JsonObject Union(int depth) => _random.Next(4) switch
    {
        0 => new JsonObject { ["type"] = new JsonArray("string", "null", "integer") },
        1 when _random.Next(2) == 0 => new JsonObject { ["oneOf"] = new JsonArray(Only("left", depth), Only("right", depth)) },
        1 => new JsonObject { ["oneOf"] = new JsonArray(String(), Number("number"), new JsonObject { ["type"] = "null" }) },
        2 => new JsonObject { ["type"] = "object", ["additionalProperties"] = Schema(depth + 1), ["maxProperties"] = _random.Next(4) },
        _ => new JsonObject { ["anyOf"] = new JsonArray(Schema(depth + 1), Schema(depth + 1), Schema(depth + 1)) },
    };

    private JsonObject Only(string name, int depth) => new()
    {
        ["type"] = "object",
        ["properties"] = new JsonObject { [name] = Schema(depth + 1) },
        ["required"] = new JsonArray(name),
        ["additionalProperties"] = false,
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
        if (_random.Next(4) == 0)
        {
            schema["multipleOf"] = _random.Next(3) switch { 0 => 0.25, 1 => 3, _ => 0.1 };
            high += 5;
        }

        if (_random.Next(4) > 0)
        {
            schema[_random.Next(2) == 0 ? "maximum" : "exclusiveMaximum"] = JsonNode.Parse(high.ToString(CultureInfo.InvariantCulture));
        }

        return schema;
    }

    private JsonObject Array(int depth)
    {
        var min = _random.Next(3);
        var array = new JsonObject { ["type"] = "array", ["items"] = Schema(depth + 1), ["minItems"] = min, ["maxItems"] = min + _random.Next(3) };
        if (_random.Next(3) == 0)
        {
            array["prefixItems"] = new JsonArray(Number("integer"), String());
        }

        return array;
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

        var count = properties.Count;
        var schema = new JsonObject { ["type"] = "object", ["properties"] = properties, ["required"] = required, ["additionalProperties"] = false };
        if (_random.Next(5) == 0)
        {
            schema["minProperties"] = _random.Next(count + 1);
            schema["maxProperties"] = Math.Max(count - _random.Next(2), required.Count);
        }

        return schema;
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
