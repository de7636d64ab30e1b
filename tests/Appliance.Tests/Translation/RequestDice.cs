using System.Text.Json.Nodes;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Translation;

/// <summary>Random requests, as a caller of either API would write them. The same seed gives the same request.</summary>
internal sealed class RequestDice(int seed)
{
    private static readonly string[] Texts =
    [
        "hello", "a \"quoted\" word", "grüße €  🌍", "line\nbreak\ttab", "\\ and / and \u0001", " ", "0", "{\"not\":\"json to anybody\"}", "data: x\n\nevent: y", "</system>",
    ];

    private static readonly string[] Schemas =
    [
        """{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}""",
        """{ "type" : "object", "properties" : { "n" : { "type" : "number", "description" : "grüße \"n\"" } } }""",
        """{"type":"object","properties":{}}""",
    ];

    private static readonly string[] Arguments = ["{}", """{"city":"Köln"}""", """{ "a" : [1, 2.50, -3e7, null, true], "b" : {"c":"\u0041\n"} }""", """{"😀":"\\"}"""];

    private static readonly string[] Images = ["data:image/png;base64,iVBORw0KGgo=", "data:image/jpeg;base64,/9j/4AAQ", "https://example.com/a%20b.webp?x=1&y=2"];

    private readonly TestDice _dice = new(seed);
    private int _ids;

    /// <summary>OpenAI chat completions: what Anthropic's API has words for as well.</summary>
    public JsonObject Chat()
    {
        var messages = new JsonArray();
        for (var i = _dice.Next(3); i > 0; i--)
        {
            messages.Add(Message(_dice.Next(2) == 0 ? "system" : "developer", ChatContent(images: false)));
        }

        messages.Add(Message("user", ChatContent(images: true)));
        for (var round = _dice.Next(4); round > 0; round--)
        {
            ChatRound(messages);
        }

        var body = new JsonObject { ["model"] = "m", ["messages"] = messages, [_dice.Next(2) == 0 ? "max_tokens" : "max_completion_tokens"] = 1 + _dice.Next(9000) };
        ChatTools(body);
        Settings(body, "stop", "user");
        if (_dice.Next(4) == 0)
        {
            body["reasoning_effort"] = Pick(["none", "low", "medium", "high", "xhigh"]);
        }

        if (_dice.Next(4) == 0)
        {
            var schema = new JsonObject { ["name"] = "answer", ["strict"] = true, ["schema"] = JsonNode.Parse(Pick(Schemas)) };
            body["response_format"] = new JsonObject { ["type"] = "json_schema", ["json_schema"] = schema };
        }

        return body;
    }

    /// <summary>Anthropic messages: everything that a request can say there and that is not the provider's own.</summary>
    public JsonObject Messages()
    {
        var body = new JsonObject { ["model"] = "m", ["max_tokens"] = 2_000 + _dice.Next(9000) };
        if (_dice.Next(2) == 0)
        {
            body["system"] = _dice.Next(2) == 0 ? Pick(Texts) : TextBlocks();
        }

        var messages = new JsonArray { Message("user", MessageContent()) };
        for (var round = _dice.Next(4); round > 0; round--)
        {
            MessageRound(messages);
        }

        body["messages"] = messages;
        MessageTools(body);
        Settings(body, "stop_sequences", null);
        MessageSettings(body);
        return body;
    }

    private void ChatRound(JsonArray messages)
    {
        var calls = new JsonArray();
        var assistant = new JsonObject { ["role"] = "assistant" };
        for (var i = _dice.Next(4); i > 0; i--)
        {
            calls.Add(new JsonObject { ["id"] = Id(), ["type"] = "function", ["function"] = new JsonObject { ["name"] = Name(), ["arguments"] = Pick(Arguments) } });
        }

        assistant["content"] = calls.Count > 0 && _dice.Next(2) == 0 ? _dice.Next(2) == 0 ? null : "" : ChatContent(images: false);
        if (calls.Count > 0)
        {
            assistant["tool_calls"] = calls;
        }

        messages.Add(assistant);
        foreach (var call in calls)
        {
            messages.Add(new JsonObject { ["role"] = "tool", ["tool_call_id"] = call!["id"]!.GetValue<string>(), ["content"] = ChatContent(images: false) });
        }

        if (calls.Count == 0 || _dice.Next(3) == 0)
        {
            messages.Add(Message("user", ChatContent(images: true)));
        }

        if (_dice.Next(6) == 0)
        {
            messages.Add(Message("developer", ChatContent(images: false)));
        }
    }

    private void MessageRound(JsonArray messages)
    {
        var blocks = new JsonArray();
        if (_dice.Next(3) == 0)
        {
            blocks.Add(new JsonObject { ["type"] = "thinking", ["thinking"] = Pick(Texts), ["signature"] = "c2lnbmF0dXJl+/=" });
        }

        if (_dice.Next(4) == 0)
        {
            blocks.Add(new JsonObject { ["type"] = "redacted_thinking", ["data"] = "b3BhcXVl" });
        }

        for (var i = 1 + _dice.Next(2); i > 0; i--)
        {
            blocks.Add(Marked(new JsonObject { ["type"] = "text", ["text"] = Pick(Texts) }));
        }

        var results = new JsonArray();
        for (var i = _dice.Next(4); i > 0; i--)
        {
            var id = Id();
            blocks.Add(Marked(new JsonObject { ["type"] = "tool_use", ["id"] = id, ["name"] = Name(), ["input"] = JsonNode.Parse(Pick(Arguments)) }));
            results.Add(Marked(Result(id)));
        }

        messages.Add(Message("assistant", blocks));
        if (results.Count == 0)
        {
            messages.Add(Message("user", MessageContent()));
            return;
        }

        if (_dice.Next(2) == 0)
        {
            results.Add(Marked(new JsonObject { ["type"] = "text", ["text"] = Pick(Texts) }));
        }

        messages.Add(Message("user", results));
    }

    private JsonObject Result(string id)
    {
        var result = new JsonObject { ["type"] = "tool_result", ["tool_use_id"] = id };
        if (_dice.Next(3) == 0)
        {
            result["is_error"] = true;
        }

        var content = _dice.Next(4);
        if (content == 1)
        {
            result["content"] = Pick(Texts);
        }
        else if (content > 1)
        {
            var parts = TextBlocks();
            if (_dice.Next(2) == 0)
            {
                parts.Insert(_dice.Next(parts.Count + 1), Image());
            }

            result["content"] = parts;
        }

        return result;
    }

    private void ChatTools(JsonObject body)
    {
        if (_dice.Next(2) == 0)
        {
            return;
        }

        var tools = new JsonArray();
        for (var i = 0; i <= _dice.Next(3); i++)
        {
            var function = new JsonObject { ["name"] = $"tool_{i}" };
            Maybe(function, "description", () => Pick(Texts));
            Maybe(function, "parameters", () => JsonNode.Parse(Pick(Schemas)));
            Maybe(function, "strict", () => _dice.Next(2) == 0);
            tools.Add(new JsonObject { ["type"] = "function", ["function"] = function });
        }

        body["tools"] = tools;
        var choice = _dice.Next(5);
        if (choice > 0)
        {
            body["tool_choice"] = choice == 4
                ? new JsonObject { ["type"] = "function", ["function"] = new JsonObject { ["name"] = "tool_0" } }
                : Pick(["auto", "none", "required"], choice - 1);
        }

        // A request that forbids tools cannot say in Anthropic's words how many may be called at once.
        if (choice != 2)
        {
            Maybe(body, "parallel_tool_calls", () => _dice.Next(2) == 0);
        }
    }

    private void MessageTools(JsonObject body)
    {
        if (_dice.Next(2) == 0)
        {
            return;
        }

        var tools = new JsonArray();
        for (var i = 0; i <= _dice.Next(3); i++)
        {
            var tool = new JsonObject { ["name"] = $"tool_{i}", ["input_schema"] = JsonNode.Parse(Pick(Schemas)) };
            Maybe(tool, "description", () => Pick(Texts));
            Maybe(tool, "strict", () => _dice.Next(2) == 0);
            tools.Add(Marked(tool));
        }

        body["tools"] = tools;
        var type = _dice.Next(5);
        if (type == 0)
        {
            return;
        }

        var choice = new JsonObject { ["type"] = Pick(["auto", "any", "none", "tool"], type - 1) };
        if (type == 4)
        {
            choice["name"] = "tool_0";
        }

        if (type != 3)
        {
            Maybe(choice, "disable_parallel_tool_use", () => _dice.Next(2) == 0);
        }

        body["tool_choice"] = choice;
    }

    private void Settings(JsonObject body, string stops, string? user)
    {
        Maybe(body, "temperature", () => _dice.Next(101) / 100.0);
        Maybe(body, "top_p", () => (1 + _dice.Next(100)) / 100.0);
        if (_dice.Next(3) == 0)
        {
            body[stops] = new JsonArray([.. Enumerable.Range(0, 1 + _dice.Next(4)).Select(i => (JsonNode)$"END {i}\n")]);
        }

        if (user is not null)
        {
            Maybe(body, user, () => "user-1");
        }
    }

    private void MessageSettings(JsonObject body)
    {
        Maybe(body, "top_k", () => 1 + _dice.Next(100));
        Maybe(body, "metadata", () => new JsonObject { ["user_id"] = "user-1" });
        var output = new JsonObject();
        Maybe(output, "effort", () => Pick(["low", "medium", "high", "xhigh"]));
        Maybe(output, "format", () => new JsonObject { ["type"] = "json_schema", ["schema"] = JsonNode.Parse(Pick(Schemas)) });
        if (output.Count > 0)
        {
            body["output_config"] = output;
        }

        var thinking = _dice.Next(6);
        if (thinking is 1 or 2)
        {
            body["thinking"] = thinking == 1
                ? new JsonObject { ["type"] = "enabled", ["budget_tokens"] = 1_024 + _dice.Next(900) }
                : new JsonObject { ["type"] = "adaptive", ["display"] = "summarized" };
        }
    }

    private JsonNode ChatContent(bool images)
    {
        if (_dice.Next(2) == 0)
        {
            return Pick(Texts);
        }

        var parts = new JsonArray();
        for (var i = 0; i <= _dice.Next(3); i++)
        {
            parts.Add(images && _dice.Next(3) == 0
                ? new JsonObject { ["type"] = "image_url", ["image_url"] = new JsonObject { ["url"] = Pick(Images) } }
                : new JsonObject { ["type"] = "text", ["text"] = Pick(Texts) });
        }

        return parts;
    }

    private JsonNode MessageContent()
    {
        if (_dice.Next(2) == 0)
        {
            return Pick(Texts);
        }

        var blocks = TextBlocks();
        if (_dice.Next(2) == 0)
        {
            blocks.Add(Marked(Image()));
        }

        return blocks;
    }

    private JsonArray TextBlocks()
    {
        var blocks = new JsonArray();
        for (var i = 0; i <= _dice.Next(3); i++)
        {
            blocks.Add(Marked(new JsonObject { ["type"] = "text", ["text"] = Pick(Texts) }));
        }

        return blocks;
    }

    private JsonObject Image()
    {
        var image = Pick(Images);
        var comma = image.IndexOf(";base64,", StringComparison.Ordinal);
        var source = comma < 0
            ? new JsonObject { ["type"] = "url", ["url"] = image }
            : new JsonObject { ["type"] = "base64", ["media_type"] = image[5..comma], ["data"] = image[(comma + 8)..] };
        return new JsonObject { ["type"] = "image", ["source"] = source };
    }

    private JsonObject Marked(JsonObject block)
    {
        if (_dice.Next(5) == 0)
        {
            block["cache_control"] = _dice.Next(2) == 0 ? new JsonObject { ["type"] = "ephemeral" } : new JsonObject { ["type"] = "ephemeral", ["ttl"] = "1h" };
        }

        return block;
    }

    private static JsonObject Message(string role, JsonNode content) => new() { ["role"] = role, ["content"] = content };

    private void Maybe(JsonObject to, string name, Func<JsonNode?> value)
    {
        if (_dice.Next(3) == 0)
        {
            to[name] = value();
        }
    }

    private string Id() => $"call_{++_ids}-aB";

    private string Name() => $"tool_{_dice.Next(3)}";

    private string Pick(string[] from, int? at = null) => from[at ?? _dice.Next(from.Length)];
}
