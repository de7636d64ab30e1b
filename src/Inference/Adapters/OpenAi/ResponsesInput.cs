using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.OpenAi;

/// <summary>Writes turns as <c>input</c>: messages, reasoning, function calls and their outputs are items one after the other, in the order they were said.</summary>
internal static class ResponsesInput
{
    public static void Write(Utf8JsonWriter json, TurnList turns)
    {
        json.WriteStartArray("input"u8);
        for (var i = 0; i < turns.Count; i++)
        {
            WriteTurn(json, turns[i].Role, turns.PartsOf(i));
        }

        json.WriteEndArray();
    }

    private static void WriteTurn(Utf8JsonWriter json, TurnRole role, ReadOnlySpan<TurnPart> parts)
    {
        for (var i = 0; i < parts.Length;)
        {
            var end = i + 1;
            switch (parts[i].Kind)
            {
                case PartKind.Text or PartKind.Image:
                    while (end < parts.Length && parts[end].Kind is PartKind.Text or PartKind.Image)
                    {
                        end++;
                    }

                    WriteMessage(json, role, parts[i..end]);
                    break;
                case PartKind.ToolCall:
                    WriteCall(json, parts[i]);
                    break;
                case PartKind.ToolResult:
                    while (end < parts.Length && parts[end].InResult)
                    {
                        end++;
                    }

                    WriteOutput(json, parts[i..end]);
                    break;
                default:
                    WriteReasoning(json, parts[i]);
                    break;
            }

            i = end;
        }
    }

    private static void WriteMessage(Utf8JsonWriter json, TurnRole role, ReadOnlySpan<TurnPart> parts)
    {
        json.WriteStartObject();
        json.WriteString("role"u8, role switch { TurnRole.System => "system"u8, TurnRole.Assistant => "assistant"u8, _ => "user"u8 });
        json.WritePropertyName("content"u8);
        if (parts.Length == 1 && parts[0].Kind == PartKind.Text)
        {
            json.WriteStringValue(parts[0].Text.Span);
        }
        else
        {
            WriteParts(json, parts, role == TurnRole.Assistant ? "output_text"u8 : "input_text"u8);
        }

        json.WriteEndObject();
    }

    private static void WriteParts(Utf8JsonWriter json, ReadOnlySpan<TurnPart> parts, ReadOnlySpan<byte> textType)
    {
        json.WriteStartArray();
        foreach (var part in parts)
        {
            // A result's own text may be empty, its parts follow.
            if (part.Kind == PartKind.ToolResult && part.Text.IsEmpty)
            {
                continue;
            }

            json.WriteStartObject();
            if (part.Kind == PartKind.Image)
            {
                json.WriteString("type"u8, "input_image"u8);
                json.WriteString("image_url"u8, part.Text.Span);
            }
            else
            {
                json.WriteString("type"u8, textType);
                json.WriteString("text"u8, part.Text.Span);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteCall(Utf8JsonWriter json, in TurnPart part)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "function_call"u8);
        json.WriteString("call_id"u8, part.Id.Span);
        json.WriteString("name"u8, part.Name.Span);
        json.WriteString("arguments"u8, part.Text.Span);
        json.WriteEndObject();
    }

    private static void WriteOutput(Utf8JsonWriter json, ReadOnlySpan<TurnPart> parts)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "function_call_output"u8);
        json.WriteString("call_id"u8, parts[0].Id.Span);
        json.WritePropertyName("output"u8);
        if (parts.Length == 1)
        {
            json.WriteStringValue(parts[0].Text.Span);
        }
        else
        {
            WriteParts(json, parts, "input_text"u8);
        }

        json.WriteEndObject();
    }

    /// <summary>Only OpenAI's own encrypted reasoning can go back; another's, or a text without proof, means nothing there.</summary>
    private static void WriteReasoning(Utf8JsonWriter json, in TurnPart part)
    {
        if (!ReasoningProof.TrySplit(part.Signature.Span, out var id, out var content))
        {
            return;
        }

        json.WriteStartObject();
        json.WriteString("type"u8, "reasoning"u8);
        if (!id.IsEmpty)
        {
            json.WriteString("id"u8, id);
        }

        json.WriteStartArray("summary"u8);
        if (part.Kind == PartKind.Reasoning && !part.Text.IsEmpty)
        {
            json.WriteStartObject();
            json.WriteString("type"u8, "summary_text"u8);
            json.WriteString("text"u8, part.Text.Span);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("encrypted_content"u8, content);
        json.WriteEndObject();
    }
}
