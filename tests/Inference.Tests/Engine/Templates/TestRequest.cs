using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Tests.Engine.Templates;

/// <summary>A request from messages and tools in OpenAI's JSON form.</summary>
internal sealed class TestRequest : IDisposable
{
    public ModelRequest Request { get; } = new();

    public void AddMessages(JsonElement messages)
    {
        foreach (var message in messages.EnumerateArray())
        {
            var role = message.GetProperty("role").GetString();
            Request.Turns.Begin(role switch { "system" => TurnRole.System, "user" => TurnRole.User, "assistant" => TurnRole.Assistant, _ => TurnRole.Tool });
            var content = Text(message, "content");
            if (content.Length > 0)
            {
                Request.Turns.Add(new TurnPart(role == "tool" ? PartKind.ToolResult : PartKind.Text, Request.Text.Copy(content), Request.Text.Copy(Text(message, "tool_call_id"))));
            }

            foreach (var call in message.TryGetProperty("tool_calls", out var calls) ? calls.EnumerateArray() : default)
            {
                var function = call.GetProperty("function");
                Request.Turns.Add(new TurnPart(
                    PartKind.ToolCall, Request.Text.Copy(function.GetProperty("arguments").GetRawText()), default, Request.Text.Copy(Text(function, "name"))));
            }
        }
    }

    public void AddTools(JsonElement tools)
    {
        foreach (var tool in tools.EnumerateArray())
        {
            var function = tool.GetProperty("function");
            AddTool(Text(function, "name"), function.GetProperty("parameters").GetRawText(), Text(function, "description"));
        }
    }

    public void AddTool(string name, string parameters, string description = "") =>
        Request.Tools.Add(new ToolDefinition(Request.Text.Copy(name), Request.Text.Copy(description), Request.Text.Copy(parameters)));

    public void Dispose() => Request.Text.Dispose();

    private static string Text(JsonElement from, string name) => from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
}
