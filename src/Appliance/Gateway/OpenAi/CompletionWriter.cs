using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>The pieces that whole plain completions and their chunks share (OpenAI API reference, "The completion object": both have one shape).</summary>
internal static class CompletionWriter
{
    public static void WriteHead(Utf8JsonWriter json, string id, long createdUnixSeconds, string model)
    {
        ChatJson.WriteHead(json, "text_completion"u8, id, createdUnixSeconds, model);
        json.WriteStartArray("choices"u8);
    }

    /// <param name="logProbs">Null when none were asked for.</param>
    public static void WriteChoice(Utf8JsonWriter json, int index, ReadOnlySpan<byte> text, CompletionLogProbs? logProbs, FinishReason reason)
    {
        json.WriteStartObject();
        json.WriteString("text"u8, text);
        json.WriteNumber("index"u8, index);
        if (logProbs is null)
        {
            json.WriteNull("logprobs"u8);
        }
        else
        {
            logProbs.Write(json);
        }

        ChatJson.WriteReason(json, reason);
        json.WriteEndObject();
    }
}
