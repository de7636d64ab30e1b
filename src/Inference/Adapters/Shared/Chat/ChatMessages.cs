using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Shared.Chat;

/// <summary>Writes turns as <c>messages</c>. Reasoning is not sent back: the API has no place for it.</summary>
internal static class ChatMessages
{
    public static void Write(Utf8JsonWriter json, TurnList turns)
    {
        json.WriteStartArray("messages"u8);
        for (var i = 0; i < turns.Count; i++)
        {
            WriteTurn(json, turns[i].Role, turns.PartsOf(i));
        }

        json.WriteEndArray();
    }

    private static void WriteTurn(Utf8JsonWriter json, TurnRole role, ReadOnlySpan<TurnPart> parts)
    {
        if (role == TurnRole.Tool)
        {
            WriteResults(json, parts);
            return;
        }

        json.WriteStartObject();
        json.WriteString("role"u8, role switch { TurnRole.System => "system"u8, TurnRole.User => "user"u8, _ => "assistant"u8 });
        json.WritePropertyName("content"u8);
        WriteContent(json, parts);
        WriteToolCalls(json, parts);
        json.WriteEndObject();
    }

    private static void WriteContent(Utf8JsonWriter json, ReadOnlySpan<TurnPart> parts)
    {
        var texts = 0;
        var images = 0;
        var only = 0;
        for (var i = 0; i < parts.Length; i++)
        {
            texts += parts[i].Kind == PartKind.Text ? 1 : 0;
            images += parts[i].Kind == PartKind.Image ? 1 : 0;
            only = parts[i].Kind == PartKind.Text ? i : only;
        }

        if (texts + images == 0)
        {
            json.WriteNullValue();
        }
        else if (texts == 1 && images == 0)
        {
            json.WriteStringValue(parts[only].Text.Span);
        }
        else
        {
            WriteParts(json, parts);
        }
    }

    private static void WriteParts(Utf8JsonWriter json, ReadOnlySpan<TurnPart> parts)
    {
        json.WriteStartArray();
        foreach (var part in parts)
        {
            if (part.Kind == PartKind.Text)
            {
                json.WriteStartObject();
                json.WriteString("type"u8, "text"u8);
                json.WriteString("text"u8, part.Text.Span);
                json.WriteEndObject();
            }
            else if (part.Kind == PartKind.Image)
            {
                json.WriteStartObject();
                json.WriteString("type"u8, "image_url"u8);
                json.WriteStartObject("image_url"u8);
                json.WriteString("url"u8, part.Text.Span);
                json.WriteEndObject();
                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
    }

    private static void WriteToolCalls(Utf8JsonWriter json, ReadOnlySpan<TurnPart> parts)
    {
        var open = false;
        foreach (var part in parts)
        {
            if (part.Kind != PartKind.ToolCall)
            {
                continue;
            }

            if (!open)
            {
                json.WriteStartArray("tool_calls"u8);
                open = true;
            }

            json.WriteStartObject();
            json.WriteString("id"u8, part.Id.Span);
            json.WriteString("type"u8, "function"u8);
            json.WriteStartObject("function"u8);
            json.WriteString("name"u8, part.Name.Span);
            json.WriteString("arguments"u8, part.Text.Span);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        if (open)
        {
            json.WriteEndArray();
        }
    }

    private static void WriteResults(Utf8JsonWriter json, ReadOnlySpan<TurnPart> parts)
    {
        foreach (var part in parts)
        {
            json.WriteStartObject();
            json.WriteString("role"u8, "tool"u8);
            json.WriteString("tool_call_id"u8, part.Id.Span);
            json.WriteString("content"u8, part.Text.Span);
            json.WriteEndObject();
        }
    }
}
