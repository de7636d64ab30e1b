using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Shared.Chat;

/// <summary>Writes <c>tools</c>, <c>tool_choice</c> and <c>parallel_tool_calls</c>.</summary>
internal static class ChatTools
{
    public static void Write(Utf8JsonWriter json, ModelRequest request)
    {
        if (request.Tools.Count == 0)
        {
            return;
        }

        json.WriteStartArray("tools"u8);
        foreach (var tool in request.Tools)
        {
            WriteTool(json, tool);
        }

        json.WriteEndArray();
        WriteChoice(json, request.ToolChoice);
        if (request.ParallelToolCalls is { } parallel)
        {
            json.WriteBoolean("parallel_tool_calls"u8, parallel);
        }
    }

    private static void WriteTool(Utf8JsonWriter json, in ToolDefinition tool)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "function"u8);
        json.WriteStartObject("function"u8);
        json.WriteString("name"u8, tool.Name.Span);
        if (!tool.Description.IsEmpty)
        {
            json.WriteString("description"u8, tool.Description.Span);
        }

        if (!tool.Parameters.IsEmpty)
        {
            json.WritePropertyName("parameters"u8);
            json.WriteRawValue(tool.Parameters.Span);
        }

        if (tool.Strict)
        {
            json.WriteBoolean("strict"u8, true);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteChoice(Utf8JsonWriter json, in ToolChoice choice)
    {
        switch (choice.Mode)
        {
            case ToolChoiceMode.None:
                json.WriteString("tool_choice"u8, "none"u8);
                break;
            case ToolChoiceMode.Required:
                json.WriteString("tool_choice"u8, "required"u8);
                break;
            case ToolChoiceMode.Named:
                json.WriteStartObject("tool_choice"u8);
                json.WriteString("type"u8, "function"u8);
                json.WriteStartObject("function"u8);
                json.WriteString("name"u8, choice.Name.Span);
                json.WriteEndObject();
                json.WriteEndObject();
                break;
            default:
                break;
        }
    }
}
