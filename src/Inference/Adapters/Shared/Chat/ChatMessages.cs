using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Shared.Chat;

/// <summary>
/// Writes turns as <c>messages</c>. A result's images follow in a user message, since a tool's message takes only text; that a tool failed, and reasoning that
/// only its own provider can read, the API has no place for.
/// </summary>
internal static class ChatMessages
{
    /// <param name="withReasoning">Earlier reasoning goes back as <c>reasoning_content</c>.</param>
    public static void Write(Utf8JsonWriter json, TurnList turns, bool withReasoning)
    {
        json.WriteStartArray("messages"u8);
        for (var i = 0; i < turns.Count;)
        {
            i = turns[i].Role == TurnRole.Tool ? WriteResultsOf(json, turns, i) : WriteTurn(json, turns, i, withReasoning);
        }

        json.WriteEndArray();
    }

    /// <summary>Nothing may stand between an assistant's calls and the last of their results: what else the turns hold follows them all.</summary>
    /// <returns>The turn after those of results.</returns>
    private static int WriteResultsOf(Utf8JsonWriter json, TurnList turns, int first)
    {
        var end = first;
        var more = false;
        for (; end < turns.Count && turns[end].Role == TurnRole.Tool; end++)
        {
            WriteResults(json, turns.PartsOf(end));
            more |= NeedsMessage(turns.PartsOf(end));
        }

        if (more)
        {
            BeginBesideResults(json);
            for (var i = first; i < end; i++)
            {
                WriteParts(json, turns.PartsOf(i), besideResults: true);
            }

            EndMessage(json);
        }

        return end;
    }

    private static int WriteTurn(Utf8JsonWriter json, TurnList turns, int index, bool withReasoning)
    {
        var role = turns[index].Role;
        var parts = turns.PartsOf(index);
        if (Count(parts, PartKind.ToolResult) > 0)
        {
            // What is left of the turn beside results: images of results, and what else a user said with them.
            WriteResults(json, parts);
            if (NeedsMessage(parts))
            {
                BeginBesideResults(json);
                WriteParts(json, parts, besideResults: true);
                EndMessage(json);
            }

            return index + 1;
        }

        json.WriteStartObject();
        json.WriteString("role"u8, role switch { TurnRole.System => "system"u8, TurnRole.User => "user"u8, _ => "assistant"u8 });
        json.WritePropertyName("content"u8);
        WriteContent(json, parts);
        if (withReasoning)
        {
            WriteReasoning(json, parts);
        }

        WriteToolCalls(json, parts);
        json.WriteEndObject();
        return index + 1;
    }

    private static void BeginBesideResults(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("role"u8, "user"u8);
        json.WriteStartArray("content"u8);
    }

    private static void EndMessage(Utf8JsonWriter json)
    {
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteContent(Utf8JsonWriter json, ReadOnlySpan<TurnPart> parts)
    {
        var texts = Count(parts, PartKind.Text);
        var images = Count(parts, PartKind.Image);
        if (texts + images == 0)
        {
            json.WriteNullValue();
        }
        else if (texts == 1 && images == 0)
        {
            json.WriteStringValue(First(parts, PartKind.Text).Text.Span);
        }
        else
        {
            json.WriteStartArray();
            WriteParts(json, parts, besideResults: false);
            json.WriteEndArray();
        }
    }

    private static void WriteParts(Utf8JsonWriter json, ReadOnlySpan<TurnPart> parts, bool besideResults)
    {
        foreach (var part in parts)
        {
            if (part.Kind == PartKind.Text && !(besideResults && part.InResult))
            {
                WriteTextPart(json, part.Text.Span);
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
    }

    private static void WriteTextPart(Utf8JsonWriter json, ReadOnlySpan<byte> text)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "text"u8);
        json.WriteString("text"u8, text);
        json.WriteEndObject();
    }

    private static void WriteReasoning(Utf8JsonWriter json, ReadOnlySpan<TurnPart> parts)
    {
        if (Count(parts, PartKind.Reasoning) > 0)
        {
            json.WriteString("reasoning_content"u8, First(parts, PartKind.Reasoning).Text.Span);
        }
    }

    private static void WriteToolCalls(Utf8JsonWriter json, ReadOnlySpan<TurnPart> parts)
    {
        if (Count(parts, PartKind.ToolCall) == 0)
        {
            return;
        }

        json.WriteStartArray("tool_calls"u8);
        foreach (var part in parts)
        {
            if (part.Kind != PartKind.ToolCall)
            {
                continue;
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

        json.WriteEndArray();
    }

    private static void WriteResults(Utf8JsonWriter json, ReadOnlySpan<TurnPart> parts)
    {
        for (var i = 0; i < parts.Length; i++)
        {
            if (parts[i].Kind != PartKind.ToolResult)
            {
                continue;
            }

            var end = i + 1;
            while (end < parts.Length && parts[end].InResult)
            {
                end++;
            }

            json.WriteStartObject();
            json.WriteString("role"u8, "tool"u8);
            json.WriteString("tool_call_id"u8, parts[i].Id.Span);
            json.WritePropertyName("content"u8);
            WriteResult(json, parts[i..end]);
            json.WriteEndObject();
        }
    }

    /// <param name="json">Gets the content.</param>
    /// <param name="result">The result and the parts that belong to it.</param>
    private static void WriteResult(Utf8JsonWriter json, ReadOnlySpan<TurnPart> result)
    {
        var more = Count(result, PartKind.Text);
        if (more == 0)
        {
            var onlyImages = result[0].Text.IsEmpty && Count(result, PartKind.Image) > 0;
            json.WriteStringValue(onlyImages ? "The result is the image in the next message."u8 : result[0].Text.Span);
            return;
        }

        json.WriteStartArray();
        if (!result[0].Text.IsEmpty)
        {
            WriteTextPart(json, result[0].Text.Span);
        }

        foreach (var part in result)
        {
            if (part.Kind == PartKind.Text)
            {
                WriteTextPart(json, part.Text.Span);
            }
        }

        json.WriteEndArray();
    }

    private static bool NeedsMessage(ReadOnlySpan<TurnPart> parts)
    {
        foreach (var part in parts)
        {
            if (part.Kind == PartKind.Image || (part.Kind == PartKind.Text && !part.InResult))
            {
                return true;
            }
        }

        return false;
    }

    private static int Count(ReadOnlySpan<TurnPart> parts, PartKind kind)
    {
        var count = 0;
        foreach (var part in parts)
        {
            count += part.Kind == kind ? 1 : 0;
        }

        return count;
    }

    private static TurnPart First(ReadOnlySpan<TurnPart> parts, PartKind kind)
    {
        foreach (var part in parts)
        {
            if (part.Kind == kind)
            {
                return part;
            }
        }

        return default;
    }
}
