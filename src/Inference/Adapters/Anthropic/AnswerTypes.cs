using System.Text.Json;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>What an object of the API's answers is, by its <c>type</c>.</summary>
internal enum AnswerType : byte
{
    Other,
    MessageStart,
    Message,
    BlockStart,
    BlockDelta,
    BlockStop,
    MessageDelta,
    MessageStop,
    Error,
}

internal static class AnswerTypes
{
    /// <summary>The type may stand anywhere in the object (the reader, inside it, is a copy).</summary>
    public static AnswerType Find(Utf8JsonReader reader)
    {
        if (!SeekType(ref reader))
        {
            return AnswerType.Other;
        }

        return reader.ValueTextEquals("content_block_delta"u8) ? AnswerType.BlockDelta
            : reader.ValueTextEquals("content_block_start"u8) ? AnswerType.BlockStart
            : reader.ValueTextEquals("content_block_stop"u8) ? AnswerType.BlockStop
            : reader.ValueTextEquals("message_start"u8) ? AnswerType.MessageStart
            : reader.ValueTextEquals("message_delta"u8) ? AnswerType.MessageDelta
            : reader.ValueTextEquals("message_stop"u8) ? AnswerType.MessageStop
            : reader.ValueTextEquals("message"u8) ? AnswerType.Message
            : reader.ValueTextEquals("error"u8) ? AnswerType.Error : AnswerType.Other;
    }

    /// <summary>Moves to the value of the object's <c>type</c>.</summary>
    /// <returns>False when it has none that is a string.</returns>
    public static bool SeekType(ref Utf8JsonReader reader)
    {
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("type"u8))
            {
                return reader.Read() && reader.TokenType == JsonTokenType.String;
            }

            JsonRead.Skip(ref reader);
        }

        return false;
    }
}

internal static class StopReasons
{
    /// <summary>A reason that is not known ends an answer like any other: it is whole.</summary>
    public static FinishReason Of(in Utf8JsonReader reader) =>
        reader.ValueTextEquals("max_tokens"u8) || reader.ValueTextEquals("model_context_window_exceeded"u8) ? FinishReason.Length
        : reader.ValueTextEquals("tool_use"u8) ? FinishReason.ToolCalls
        : reader.ValueTextEquals("stop_sequence"u8) ? FinishReason.StopSequence
        : reader.ValueTextEquals("refusal"u8) ? FinishReason.Refusal
        : reader.ValueTextEquals("pause_turn"u8) ? FinishReason.Pause : FinishReason.Stop;
}
