using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>Writes <c>tools</c> and <c>tool_choice</c>.</summary>
internal static class MessagesTools
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
        WriteChoice(json, request.ToolChoice, request.ParallelToolCalls);
    }

    private static void WriteTool(Utf8JsonWriter json, in ToolDefinition tool)
    {
        json.WriteStartObject();
        json.WriteString("name"u8, tool.Name.Span);
        if (!tool.Description.IsEmpty)
        {
            json.WriteString("description"u8, tool.Description.Span);
        }

        // The API demands a schema; a tool without one takes no arguments.
        json.WritePropertyName("input_schema"u8);
        json.WriteRawValue(tool.Parameters.IsEmpty ? "{\"type\":\"object\",\"properties\":{}}"u8 : tool.Parameters.Span);
        if (tool.Strict)
        {
            json.WriteBoolean("strict"u8, true);
        }

        CacheControl.Write(json, tool.Cache);
        json.WriteEndObject();
    }

    private static void WriteChoice(Utf8JsonWriter json, in ToolChoice choice, bool? parallel)
    {
        if (choice.Mode == ToolChoiceMode.Auto && parallel is null)
        {
            return;
        }

        json.WriteStartObject("tool_choice"u8);
        json.WriteString("type"u8, choice.Mode switch
        {
            ToolChoiceMode.None => "none"u8,
            ToolChoiceMode.Required => "any"u8,
            ToolChoiceMode.Named => "tool"u8,
            _ => "auto"u8,
        });
        if (choice.Mode == ToolChoiceMode.Named)
        {
            json.WriteString("name"u8, choice.Name.Span);
        }

        if (parallel is { } several && choice.Mode != ToolChoiceMode.None)
        {
            json.WriteBoolean("disable_parallel_tool_use"u8, !several);
        }

        json.WriteEndObject();
    }
}
