using System.Text.Json;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>
/// Reads each event of a stream, or the whole message (Anthropic API reference, "Streaming messages": message_start, content_block_start, content_block_delta,
/// content_block_stop, message_delta, message_stop, ping, error; others are stepped over, as the reference asks).
/// </summary>
internal sealed class MessagesAnswer : BlockReader
{
    private readonly AnswerUsage _usage = new();

    /// <summary>The answer of <c>count_tokens</c>; -1 while it has not come.</summary>
    public int CountedTokens { get; private set; } = -1;

    /// <summary>What follows the reason for the end shows nothing new.</summary>
    protected override bool IsEnding => Reason != FinishReason.None;

    public override void Reset()
    {
        base.Reset();
        _usage.Reset();
        CountedTokens = -1;
    }

    protected override void ReadObject(ref Utf8JsonReader reader)
    {
        switch (AnswerTypes.Find(reader))
        {
            case AnswerType.MessageStart:
                ReadMessageStart(ref reader);
                break;
            case AnswerType.Message:
                ReadMessage(ref reader, atStart: false);
                IsFinished = IsOver = Reason != FinishReason.None;
                break;
            case AnswerType.BlockStart:
                ReadStart(ref reader);
                break;
            case AnswerType.BlockDelta:
                ReadDelta(ref reader);
                break;
            case AnswerType.BlockStop:
                ReadStop(ref reader);
                break;
            case AnswerType.MessageDelta:
                ReadMessageDelta(ref reader);
                break;
            case AnswerType.MessageStop:
                JsonRead.Require(Reason != FinishReason.None);
                reader.Skip();
                IsFinished = IsOver = true;
                break;
            case AnswerType.Error:
                (ErrorCode, ErrorMessage) = ErrorBody.ReadFields(ref reader);
                HasError = true;
                break;
            default:
                ReadOther(ref reader);
                break;
        }
    }

    private void ReadMessageStart(ref Utf8JsonReader reader)
    {
        while (JsonRead.NextMember(ref reader))
        {
            if (!reader.ValueTextEquals("message"u8))
            {
                JsonRead.Skip(ref reader);
            }
            else if (JsonRead.BeginObject(ref reader))
            {
                ReadMessage(ref reader, atStart: true);
            }
        }

        Start();
    }

    /// <summary>Inside a message: whole, or as it begins, without content and reason.</summary>
    private void ReadMessage(ref Utf8JsonReader reader, bool atStart)
    {
        Start();
        var reason = FinishReason.None;
        var stop = default(Range);
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("content"u8))
            {
                ReadWhole(ref reader);
            }
            else if (reader.ValueTextEquals("usage"u8))
            {
                _usage.Read(ref reader, atStart);
            }
            else if (!ReadEnd(ref reader, ref reason, ref stop))
            {
                JsonRead.Skip(ref reader);
            }
        }

        if (atStart && _usage.Prompt is { } prompt)
        {
            StatePrompt(prompt);
        }

        Finish(reason, stop);
    }

    private void ReadMessageDelta(ref Utf8JsonReader reader)
    {
        var reason = FinishReason.None;
        var stop = default(Range);
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("usage"u8))
            {
                _usage.Read(ref reader, atStart: false);
            }
            else if (reader.ValueTextEquals("delta"u8))
            {
                ReadDeltaFields(ref reader, ref reason, ref stop);
            }
            else
            {
                JsonRead.Skip(ref reader);
            }
        }

        Finish(reason, stop);
    }

    private void ReadDeltaFields(ref Utf8JsonReader reader, ref FinishReason reason, ref Range stop)
    {
        if (!JsonRead.BeginObject(ref reader))
        {
            return;
        }

        while (JsonRead.NextMember(ref reader))
        {
            if (!ReadEnd(ref reader, ref reason, ref stop))
            {
                JsonRead.Skip(ref reader);
            }
        }
    }

    /// <summary>On a member's name: reads <c>stop_reason</c> and <c>stop_sequence</c>; false leaves any other where it is.</summary>
    private bool ReadEnd(ref Utf8JsonReader reader, ref FinishReason reason, ref Range stop)
    {
        if (reader.ValueTextEquals("stop_reason"u8))
        {
            reason = JsonRead.String(ref reader) ? StopReasons.Of(reader) : FinishReason.None;
            return true;
        }

        if (reader.ValueTextEquals("stop_sequence"u8))
        {
            stop = ReadString(ref reader);
            return true;
        }

        return false;
    }

    private void Finish(FinishReason reason, Range stop)
    {
        if (reason == FinishReason.None || Reason != FinishReason.None)
        {
            return;
        }

        Reason = reason;
        Usage = _usage.Stated;
        Add(new ModelEvent { Kind = EventKind.Finished, Reason = reason }, reason == FinishReason.StopSequence ? stop : default);
    }

    /// <summary>An event without meaning here, or the bare object that <c>count_tokens</c> and some servers' errors are.</summary>
    private void ReadOther(ref Utf8JsonReader reader)
    {
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("input_tokens"u8))
            {
                CountedTokens = JsonRead.Int(ref reader);
            }
            else if (reader.ValueTextEquals("error"u8))
            {
                ReadError(ref reader);
            }
            else
            {
                JsonRead.Skip(ref reader);
            }
        }
    }
}
