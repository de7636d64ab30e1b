using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>Reads <c>reasoning</c>: how hard to think, and whether to show a summary of it.</summary>
internal static class ResponseReasoning
{
    public static bool Read(ref ChatReader chat, ResponseWishes wishes)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType("reasoning", "an object");
        }

        var effort = ReasoningEffort.Unset;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (chat.Reader.ValueTextEquals("effort"u8))
            {
                if (!ReadEffort(ref chat, out effort))
                {
                    return false;
                }
            }
            else if (chat.Reader.ValueTextEquals("summary"u8) || chat.Reader.ValueTextEquals("generate_summary"u8))
            {
                if (!ReadSummary(ref chat, wishes))
                {
                    return false;
                }
            }
            else
            {
                Verbatim.NoteProperty(ref chat, "reasoning");
            }
        }

        chat.Request.Reasoning = new ReasoningWish(effort, Summary: wishes.ReasoningSummary);
        return true;
    }

    private static bool ReadEffort(ref ChatReader chat, out ReasoningEffort effort)
    {
        effort = ReasoningEffort.Unset;
        if (!chat.NextText("reasoning.effort", out var word))
        {
            return false;
        }

        ReasoningEffort? known = word.IsEmpty ? ReasoningEffort.Unset
            : word.Equals("none"u8) ? ReasoningEffort.None
            : word.Equals("minimal"u8) ? ReasoningEffort.Minimal
            : word.Equals("low"u8) ? ReasoningEffort.Low
            : word.Equals("medium"u8) ? ReasoningEffort.Medium
            : word.Equals("high"u8) ? ReasoningEffort.High
            : word.Equals("xhigh"u8) || word.Equals("max"u8) ? ReasoningEffort.Highest : null;
        effort = known ?? effort;
        return known is not null || chat.Fail("invalid_value",
            $"'reasoning.effort' is '{word}'; none, minimal, low, medium, high, xhigh or max is allowed.", "reasoning.effort");
    }

    private static bool ReadSummary(ref ChatReader chat, ResponseWishes wishes)
    {
        if (!chat.NextText("reasoning.summary", out var word))
        {
            return false;
        }

        wishes.ReasoningSummary |= !word.IsEmpty;
        return word.IsEmpty || word.Equals("auto"u8) || word.Equals("concise"u8) || word.Equals("detailed"u8)
            || chat.Fail("invalid_value", $"'reasoning.summary' is '{word}'; auto, concise or detailed is allowed.", "reasoning.summary");
    }
}

/// <summary>Reads <c>include</c>: what else the answer carries.</summary>
internal static class ResponseIncludes
{
    public static bool Read(ref ChatReader chat, ResponseWishes wishes)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return chat.WrongType("include", "an array of texts");
        }

        while (chat.Reader.Read() && chat.Reader.TokenType != JsonTokenType.EndArray)
        {
            if (chat.Reader.TokenType != JsonTokenType.String)
            {
                return chat.WrongType("include", "an array of texts");
            }

            if (chat.Reader.ValueTextEquals("message.output_text.logprobs"u8))
            {
                wishes.LogProbs = true;
            }
            else if (chat.Reader.ValueTextEquals("reasoning.encrypted_content"u8))
            {
                wishes.EncryptedReasoning = true;
            }
            else if (!chat.Reader.ValueTextEquals("message.input_image.image_url"u8))
            {
                Utf8Slice name = chat.Text();
                chat.NoteForwarded($"include ({name})");
            }
        }

        return true;
    }
}
