using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Tests.Nano;

/// <summary>Conversations of the model's own files (messages, tools, schema, inputs) as requests.</summary>
internal static class ChatJson
{
    public static ModelRequest Request(JsonElement item)
    {
        var request = new ModelRequest();
        request.Model = request.Text.Copy("jesus-nano"u8);
        foreach (var message in item.GetProperty("messages").EnumerateArray())
        {
            AddTurn(request, message);
        }

        if (item.TryGetProperty("tools", out var tools))
        {
            foreach (var tool in tools.EnumerateArray())
            {
                var function = tool.GetProperty("function");
                request.Tools.Add(new ToolDefinition(Copy(request, function.GetProperty("name")), Copy(request, function.GetProperty("description")),
                    request.Text.Copy(function.GetProperty("parameters").GetRawText())));
            }
        }

        AddConstraint(request, item);
        return request;
    }

    private static void AddTurn(ModelRequest request, JsonElement message)
    {
        var content = Copy(request, message.GetProperty("content"));
        switch (message.GetProperty("role").GetString())
        {
            case "system":
                request.Turns.Add(TurnRole.System, content);
                return;
            case "user":
                request.Turns.Add(TurnRole.User, content);
                return;
            case "tool":
                request.Turns.Begin(TurnRole.Tool);
                request.Turns.Add(new TurnPart(PartKind.ToolResult, content));
                return;
            default:
                AddAssistant(request, message, content);
                return;
        }
    }

    private static void AddAssistant(ModelRequest request, JsonElement message, Transport.Buffers.Utf8Slice content)
    {
        request.Turns.Begin(TurnRole.Assistant);
        if (!content.IsEmpty)
        {
            request.Turns.Add(new TurnPart(PartKind.Text, content));
        }

        if (message.TryGetProperty("tool_calls", out var calls))
        {
            foreach (var call in calls.EnumerateArray())
            {
                var function = call.GetProperty("function");
                request.Turns.Add(new TurnPart(PartKind.ToolCall, request.Text.Copy(function.GetProperty("arguments").GetRawText()), default,
                    Copy(request, function.GetProperty("name"))));
            }
        }
    }

    private static void AddConstraint(ModelRequest request, JsonElement item)
    {
        if (!item.TryGetProperty("schema", out var schema))
        {
            return;
        }

        request.Constraint.Kind = ConstraintKind.JsonSchema;
        request.Constraint.Source = request.Text.Copy(schema.GetRawText());
        if (item.TryGetProperty("inputs", out var inputs))
        {
            foreach (var input in inputs.EnumerateObject())
            {
                request.Constraint.Inputs.Add(new NamedInput(request.Text.Copy(input.Name), Copy(request, input.Value)));
            }
        }
    }

    private static Transport.Buffers.Utf8Slice Copy(ModelRequest request, JsonElement text) => request.Text.Copy(text.GetString() ?? "");
}
