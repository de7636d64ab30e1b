using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>The pieces that whole answers and chunks share (OpenAI API reference, "The chat completion object" and "chunk object").</summary>
internal static class ChatJson
{
    /// <summary>
    /// Null while no reason is known: an answer that broke never looks finished. A pause is an answer that is not whole,
    /// which only length says.
    /// </summary>
    public static string? NameOf(FinishReason reason) => reason switch
    {
        FinishReason.Stop or FinishReason.StopSequence => "stop",
        FinishReason.Length or FinishReason.Pause => "length",
        FinishReason.ToolCalls => "tool_calls",
        FinishReason.ContentFilter or FinishReason.Refusal => "content_filter",
        _ => null,
    };

    /// <summary>Opens the object and writes what every answer begins with.</summary>
    public static void WriteHead(Utf8JsonWriter json, ReadOnlySpan<byte> kind, string id, long createdUnixSeconds, string model)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, id);
        json.WriteString("object"u8, kind);
        json.WriteNumber("created"u8, createdUnixSeconds);
        json.WriteString("model"u8, model);
    }

    /// <param name="inWords">The model said its refusal in words: OpenAI ends such an answer with stop.</param>
    public static void WriteReason(Utf8JsonWriter json, FinishReason reason, bool inWords = false)
    {
        if (NameOf(reason == FinishReason.Refusal && inWords ? FinishReason.Stop : reason) is { } name)
        {
            json.WriteString("finish_reason"u8, name);
        }
        else
        {
            json.WriteNull("finish_reason"u8);
        }
    }

    public static void WriteUsage(Utf8JsonWriter json, in Usage usage)
    {
        json.WriteStartObject("usage"u8);
        json.WriteNumber("prompt_tokens"u8, usage.InputTokens);
        json.WriteNumber("completion_tokens"u8, usage.OutputTokens);
        json.WriteNumber("total_tokens"u8, usage.InputTokens + usage.OutputTokens);
        json.WriteStartObject("prompt_tokens_details"u8);
        json.WriteNumber("cached_tokens"u8, usage.CachedInputTokens);
        json.WriteNumber("cache_write_tokens"u8, usage.CacheWriteTokens);
        json.WriteEndObject();
        json.WriteStartObject("completion_tokens_details"u8);
        json.WriteNumber("reasoning_tokens"u8, usage.ReasoningTokens);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>
    /// The entries of <c>logprobs.content</c> of one piece: its tokens with their alternatives. Where an adapter gives numbers alone, the piece is one entry;
    /// several tokens (characters that were held back until whole) then have the product of their probabilities.
    /// </summary>
    public static void WriteLogProbs(Utf8JsonWriter json, in ModelEvent item)
    {
        var tokens = item.LogProbs.Span;
        if (tokens.IsEmpty)
        {
            WriteToken(json, item.Utf8.Span, Sum(item.Tokens.LogProbs.Span), default);
        }

        for (var i = 0; i < tokens.Length; i += 1 + tokens[i].Alternatives)
        {
            WriteToken(json, tokens[i].Text.Span, tokens[i].LogProb, tokens.Slice(i + 1, tokens[i].Alternatives));
        }
    }

    private static void WriteToken(Utf8JsonWriter json, ReadOnlySpan<byte> text, float logProb, ReadOnlySpan<TokenLogProb> alternatives)
    {
        json.WriteStartObject();
        WriteLogProb(json, text, logProb);
        json.WriteStartArray("top_logprobs"u8);
        foreach (var alternative in alternatives)
        {
            json.WriteStartObject();
            WriteLogProb(json, alternative.Text.Span, alternative.LogProb);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteLogProb(Utf8JsonWriter json, ReadOnlySpan<byte> text, float logProb)
    {
        json.WriteString("token"u8, text);
        json.WriteNumber("logprob"u8, logProb);
        json.WriteStartArray("bytes"u8);
        foreach (var value in text)
        {
            json.WriteNumberValue(value);
        }

        json.WriteEndArray();
    }

    public static bool HasLogProbs(in ModelEvent item) => !item.LogProbs.IsEmpty || !item.Tokens.LogProbs.IsEmpty;

    public static float Sum(ReadOnlySpan<float> logProbs)
    {
        var sum = 0f;
        foreach (var value in logProbs)
        {
            sum += value;
        }

        return sum;
    }
}
