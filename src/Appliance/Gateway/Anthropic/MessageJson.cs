using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>The pieces that whole answers and events share (Anthropic API reference, "Messages": the message object).</summary>
internal static class MessageJson
{
    /// <summary>Empty while no reason is known: an answer that broke never looks finished.</summary>
    public static ReadOnlySpan<byte> NameOf(FinishReason reason) => reason switch
    {
        FinishReason.Stop => "end_turn"u8,
        FinishReason.Length => "max_tokens"u8,
        FinishReason.ToolCalls => "tool_use"u8,
        FinishReason.StopSequence => "stop_sequence"u8,
        FinishReason.Refusal or FinishReason.ContentFilter => "refusal"u8,
        FinishReason.Pause => "pause_turn"u8,
        _ => default,
    };

    /// <summary>What every message begins with, up to its content.</summary>
    public static void WriteHead(Utf8JsonWriter json, string id, string model)
    {
        json.WriteString("id"u8, id);
        json.WriteString("type"u8, "message"u8);
        json.WriteString("role"u8, "assistant"u8);
        json.WriteString("model"u8, model);
    }

    public static void WriteStop(Utf8JsonWriter json, FinishReason reason, ReadOnlySpan<byte> sequence)
    {
        var name = NameOf(reason);
        if (name.IsEmpty)
        {
            json.WriteNull("stop_reason"u8);
        }
        else
        {
            json.WriteString("stop_reason"u8, name);
        }

        if (reason == FinishReason.StopSequence && !sequence.IsEmpty)
        {
            json.WriteString("stop_sequence"u8, sequence);
        }
        else
        {
            json.WriteNull("stop_sequence"u8);
        }
    }

    /// <summary>Here the three sorts of input tokens add up; in <see cref="Usage"/> the cached ones are part of the input.</summary>
    public static void WriteUsage(Utf8JsonWriter json, in Usage usage)
    {
        json.WriteStartObject("usage"u8);
        json.WriteNumber("input_tokens"u8, Math.Max(0, usage.InputTokens - usage.CachedInputTokens - usage.CacheWriteTokens));
        json.WriteNumber("cache_creation_input_tokens"u8, usage.CacheWriteTokens);
        json.WriteNumber("cache_read_input_tokens"u8, usage.CachedInputTokens);
        json.WriteNumber("output_tokens"u8, usage.OutputTokens);
        json.WriteStartObject("output_tokens_details"u8);
        json.WriteNumber("thinking_tokens"u8, usage.ReasoningTokens);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>
    /// A call's arguments as the object they must be. What a model wrote that is none, or was cut short, is kept as the text under
    /// <c>INVALID_JSON</c>, the form that the provider's own guide names for it.
    /// </summary>
    public static void WriteInput(Utf8JsonWriter json, ReadOnlySpan<byte> arguments)
    {
        if (IsObject(arguments))
        {
            json.WritePropertyName("input"u8);
            json.WriteRawValue(arguments, skipInputValidation: true);
            return;
        }

        json.WriteStartObject("input"u8);
        if (!arguments.IsEmpty)
        {
            json.WriteString("INVALID_JSON"u8, arguments);
        }

        json.WriteEndObject();
    }

    private static bool IsObject(ReadOnlySpan<byte> text)
    {
        var reader = new Utf8JsonReader(text);
        try
        {
            if (text.IsEmpty || !reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            reader.Skip();
            return !reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
