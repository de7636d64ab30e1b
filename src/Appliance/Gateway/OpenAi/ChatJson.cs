using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>The pieces that whole answers and chunks share (OpenAI API reference, "The chat completion object" and "chunk object").</summary>
internal static class ChatJson
{
    /// <summary>Null while no reason is known: an answer that broke never looks finished.</summary>
    public static string? NameOf(FinishReason reason) => reason switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        FinishReason.ToolCalls => "tool_calls",
        FinishReason.ContentFilter => "content_filter",
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

    public static void WriteReason(Utf8JsonWriter json, FinishReason reason)
    {
        if (NameOf(reason) is { } name)
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
        json.WriteEndObject();
        json.WriteStartObject("completion_tokens_details"u8);
        json.WriteNumber("reasoning_tokens"u8, usage.ReasoningTokens);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>
    /// One entry of <c>logprobs.content</c>. An event usually carries one token; where it carries several (characters that were held back until
    /// whole) they are given as one entry whose probability is the product.
    /// </summary>
    public static void WriteLogProb(Utf8JsonWriter json, ReadOnlySpan<byte> text, float logProb)
    {
        json.WriteStartObject();
        json.WriteString("token"u8, text);
        json.WriteNumber("logprob"u8, logProb);
        json.WriteStartArray("bytes"u8);
        foreach (var value in text)
        {
            json.WriteNumberValue(value);
        }

        json.WriteEndArray();
        json.WriteStartArray("top_logprobs"u8);
        json.WriteEndArray();
        json.WriteEndObject();
    }

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
