using System.Globalization;
using System.Text;
using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Templates.Running;
using Jesus.Inference.Engine.Templates.Values;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Engine.Templates;

/// <summary>A request as templates know it: messages with role, content and tool_calls, tools as functions. All its text counts as the request's.</summary>
internal static class RequestValues
{
    private static readonly Place Nowhere = new(0, 0);

    public static Scope Globals(ModelRequest request, in TemplateSettings settings, bool contentMayBeNone = false)
    {
        var globals = new Scope();
        globals.Set("messages", Messages(request, contentMayBeNone));
        globals.Set("tools", request.Tools.Count == 0 || request.ToolChoice.Mode == ToolChoiceMode.None ? Value.None : Tools(request));
        globals.Set("add_generation_prompt", Value.Of(settings.AddGenerationPrompt));
        globals.Set("bos_token", TextValue.Of(settings.BosToken ?? "", true));
        globals.Set("eos_token", TextValue.Of(settings.EosToken ?? "", true));
        AddReasoning(globals, request.Reasoning);
        if (settings.Now is { } now)
        {
            globals.Set("strftime_now", new ClockValue(now));
        }

        return globals;
    }

    /// <summary>What templates ask about thinking, under the names that they use; not defined where the caller did not say.</summary>
    private static void AddReasoning(Scope globals, ReasoningWish wish)
    {
        if (wish is { Effort: ReasoningEffort.Unset, BudgetTokens: 0, Adaptive: false })
        {
            return;
        }

        var thinks = Value.Of(wish.Effort != ReasoningEffort.None);
        globals.Set("enable_thinking", thinks);
        globals.Set("thinking", thinks);
        var effort = wish.Effort switch
        {
            ReasoningEffort.Minimal or ReasoningEffort.Low or ReasoningEffort.None => "low",
            ReasoningEffort.High or ReasoningEffort.Highest => "high",
            _ => "medium",
        };
        globals.Set("reasoning_effort", Trusted(effort));
    }

    private static ListValue Messages(ModelRequest request, bool contentMayBeNone)
    {
        var messages = new List<Value>();
        for (var turn = 0; turn < request.Turns.Count; turn++)
        {
            if (request.Turns[turn].Role == TurnRole.Tool)
            {
                AddResults(messages, request.Turns, turn);
            }
            else
            {
                messages.Add(Message(request.Turns, turn, contentMayBeNone));
            }
        }

        return new ListValue(messages);
    }

    /// <summary>One message for each result: that is how templates expect them.</summary>
    private static void AddResults(List<Value> messages, TurnList turns, int turn)
    {
        foreach (ref readonly var part in turns.PartsOf(turn))
        {
            Refuse(part, turn);
            var message = new MapValue().Set("role", Trusted("tool")).Set("content", Text(part.Text));
            SetUnlessEmpty(message, "tool_call_id", part.Id);
            SetUnlessEmpty(message, "name", part.Name);
            messages.Add(message);
        }
    }

    private static MapValue Message(TurnList turns, int turn, bool contentMayBeNone)
    {
        var content = new TemplateOutput();
        var reasoning = new TemplateOutput();
        var calls = new List<Value>();
        foreach (ref readonly var part in turns.PartsOf(turn))
        {
            Refuse(part, turn);
            switch (part.Kind)
            {
                case PartKind.ToolCall:
                    calls.Add(Call(part, turn));
                    break;
                case PartKind.Reasoning:
                    reasoning.Write(part.Text, false);
                    break;
                default:
                    content.Write(part.Text, false);
                    break;
            }
        }

        Value text = contentMayBeNone && content.Bytes.IsEmpty && calls.Count > 0 ? Value.None : TextValue.Of(content);
        var message = new MapValue().Set("role", Trusted(RoleOf(turns[turn].Role))).Set("content", text);
        _ = reasoning.Bytes.IsEmpty ? message : message.Set("reasoning_content", TextValue.Of(reasoning));
        return calls.Count == 0 ? message : message.Set("tool_calls", new ListValue(calls));
    }

    private static MapValue Call(in TurnPart part, int turn)
    {
        var arguments = Json(part.Text, string.Create(CultureInfo.InvariantCulture, $"the arguments of the call of '{part.Name}' in turn {turn}"));
        var function = new MapValue().Set("name", Text(part.Name)).Set("arguments", arguments);
        var call = new MapValue().Set("type", Trusted("function")).Set("function", function);
        SetUnlessEmpty(call, "id", part.Id);
        return call;
    }

    private static ListValue Tools(ModelRequest request) => new(request.Tools.ConvertAll<Value>(tool =>
    {
        var parameters = tool.Parameters.IsEmpty
            ? new MapValue().Set("type", Trusted("object")).Set("properties", new MapValue())
            : Json(tool.Parameters, $"the parameters of tool '{tool.Name}'");
        var function = new MapValue().Set("name", Text(tool.Name)).Set("description", Text(tool.Description)).Set("parameters", parameters);
        return new MapValue().Set("type", Trusted("function")).Set("function", function);
    }));

    private static Value Json(Utf8Slice utf8, string what)
    {
        if (utf8.IsEmpty)
        {
            return new MapValue(false);
        }

        try
        {
            using var document = JsonDocument.Parse(utf8.Memory);
            return FromJson(document.RootElement);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: half of a surrogate pair, which is no text.
            throw new TemplateFault(Nowhere, $"{what} are not valid JSON: {exception.Message}");
        }
    }

    private static Value FromJson(JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                var map = new MapValue(false);
                foreach (var property in json.EnumerateObject())
                {
                    map.Set(property.Name, FromJson(property.Value));
                }

                return map;
            case JsonValueKind.Array:
                return new ListValue([.. json.EnumerateArray().Select(FromJson)]);
            case JsonValueKind.String:
                return TextValue.Of(json.GetString()!, false);
            case JsonValueKind.Number:
                return json.TryGetInt64(out var integer) ? new IntegerValue(integer) : new FloatValue(json.GetDouble(), json.GetRawText());
            default:
                return json.ValueKind == JsonValueKind.Null ? Value.None : Value.Of(json.ValueKind == JsonValueKind.True);
        }
    }

    private static void Refuse(in TurnPart part, int turn)
    {
        if (part.Kind == PartKind.Image)
        {
            throw new TemplateFault(Nowhere, string.Create(CultureInfo.InvariantCulture, $"turn {turn} holds an image, which this engine's models cannot see; leave it out."));
        }
    }

    private static void SetUnlessEmpty(MapValue map, string key, Utf8Slice text)
    {
        if (!text.IsEmpty)
        {
            map.Set(key, Text(text));
        }
    }

    private static TextValue Text(Utf8Slice text) => TextValue.Of(text.Memory, false);

    private static TextValue Trusted(string text) => TextValue.Of(Encoding.UTF8.GetBytes(text), true);

    private static string RoleOf(TurnRole role) => role switch
    {
        TurnRole.System => "system",
        TurnRole.User => "user",
        TurnRole.Assistant => "assistant",
        _ => "tool",
    };
}
