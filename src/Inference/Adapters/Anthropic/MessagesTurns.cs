using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>
/// Writes turns as <c>system</c> and <c>messages</c>. System turns before the conversation become the field <c>system</c>, later ones messages of that role.
/// Results of tools belong to the user's message: neighbouring tool turns and the user's words after them share one, as the API demands of parallel calls.
/// Texts that are empty say nothing, and the API refuses them: they are left out, and so is an assistant's turn without any part.
/// </summary>
internal static class MessagesTurns
{
    public static void Write(Utf8JsonWriter json, TurnList turns)
    {
        var first = 0;
        while (first < turns.Count && turns[first].Role == TurnRole.System)
        {
            first++;
        }

        WriteSystem(json, turns, first);
        json.WriteStartArray("messages"u8);
        for (var i = first; i < turns.Count;)
        {
            i = WriteMessage(json, turns, i);
        }

        json.WriteEndArray();
    }

    private static void WriteSystem(Utf8JsonWriter json, TurnList turns, int count)
    {
        if (count == 0)
        {
            return;
        }

        json.WriteStartArray("system"u8);
        for (var i = 0; i < count; i++)
        {
            WriteParts(json, turns.PartsOf(i));
        }

        json.WriteEndArray();
    }

    /// <returns>The turn after the message.</returns>
    private static int WriteMessage(Utf8JsonWriter json, TurnList turns, int index)
    {
        var role = turns[index].Role;
        if (role == TurnRole.Assistant && !HasContent(turns.PartsOf(index)))
        {
            return index + 1;
        }

        json.WriteStartObject();
        json.WriteString("role"u8, role switch { TurnRole.Assistant => "assistant"u8, TurnRole.System => "system"u8, _ => "user"u8 });
        json.WriteStartArray("content"u8);
        WriteParts(json, turns.PartsOf(index));
        var next = index + 1;
        while (role == TurnRole.Tool && next < turns.Count && turns[next].Role is TurnRole.Tool or TurnRole.User)
        {
            WriteParts(json, turns.PartsOf(next));
            role = turns[next].Role;
            next++;
        }

        json.WriteEndArray();
        json.WriteEndObject();
        return next;
    }

    private static bool HasContent(ReadOnlySpan<TurnPart> parts)
    {
        foreach (var part in parts)
        {
            if (!SaysNothing(part))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Reasoning without its signature is another provider's: this one accepts its own alone.</summary>
    private static bool SaysNothing(in TurnPart part) => part.Kind switch
    {
        PartKind.Text => part.Text.IsEmpty,
        PartKind.Reasoning => part.Signature.IsEmpty,
        _ => false,
    };

    private static void WriteParts(Utf8JsonWriter json, ReadOnlySpan<TurnPart> parts)
    {
        for (var i = 0; i < parts.Length; i++)
        {
            if (parts[i].Kind == PartKind.ToolResult)
            {
                var inside = i + 1;
                while (inside < parts.Length && parts[inside].InResult)
                {
                    inside++;
                }

                WriteResult(json, parts[i], parts[(i + 1)..inside]);
                i = inside - 1;
            }
            else if (!SaysNothing(parts[i]))
            {
                WritePart(json, parts[i]);
            }
        }
    }

    private static void WritePart(Utf8JsonWriter json, in TurnPart part)
    {
        json.WriteStartObject();
        switch (part.Kind)
        {
            case PartKind.Text:
                json.WriteString("type"u8, "text"u8);
                json.WriteString("text"u8, part.Text.Span);
                break;
            case PartKind.Image:
                json.WriteString("type"u8, "image"u8);
                ImageSource.Write(json, part.Text);
                break;
            case PartKind.ToolCall:
                json.WriteString("type"u8, "tool_use"u8);
                ToolCallId.Write(json, "id"u8, part.Id);
                json.WriteString("name"u8, part.Name.Span);
                json.WritePropertyName("input"u8);
                json.WriteRawValue(part.Text.IsEmpty ? "{}"u8 : part.Text.Span);
                break;
            case PartKind.Reasoning:
                json.WriteString("type"u8, "thinking"u8);
                json.WriteString("thinking"u8, part.Text.Span);
                json.WriteString("signature"u8, part.Signature.Span);
                break;
            default:
                json.WriteString("type"u8, "redacted_thinking"u8);
                json.WriteString("data"u8, part.Signature.Span);
                break;
        }

        CacheControl.Write(json, part.Cache);
        json.WriteEndObject();
    }

    private static void WriteResult(Utf8JsonWriter json, in TurnPart result, ReadOnlySpan<TurnPart> inside)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "tool_result"u8);
        ToolCallId.Write(json, "tool_use_id"u8, result.Id);
        if (inside.IsEmpty)
        {
            json.WriteString("content"u8, result.Text.Span);
        }
        else
        {
            WriteResultParts(json, result, inside);
        }

        if (result.IsError)
        {
            json.WriteBoolean("is_error"u8, true);
        }

        CacheControl.Write(json, result.Cache);
        json.WriteEndObject();
    }

    private static void WriteResultParts(Utf8JsonWriter json, in TurnPart result, ReadOnlySpan<TurnPart> inside)
    {
        json.WriteStartArray("content"u8);
        if (!result.Text.IsEmpty)
        {
            WritePart(json, new TurnPart(PartKind.Text, result.Text));
        }

        WriteParts(json, inside);
        json.WriteEndArray();
    }
}
