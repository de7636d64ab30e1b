using System.Text.Json;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.OpenAi;

/// <summary>
/// Reads the events of a response's stream, and a whole response (OpenAI API reference, "Responses" and "Streaming events"). Built-in tools, annotations and
/// audio are nothing of ours: a caller that gets the server's own bytes sees them.
/// </summary>
internal sealed class ResponsesAnswer : AnswerReader
{
    private const int CallsMax = 1_024;

    /// <summary>Function calls in the order they began.</summary>
    private readonly List<Call> _calls = [];
    private Utf8Tail _text;
    private Utf8Tail _refusal;
    private Utf8Tail _reasoning;
    private bool _refused;

    /// <summary>Reasoning that can be read has come, and its proof not yet.</summary>
    private bool _summarised;

    public override void Reset()
    {
        base.Reset();
        _calls.Clear();
        _text = default;
        _refusal = default;
        _reasoning = default;
        _refused = false;
        _summarised = false;
    }

    protected override void ReadObject(ref Utf8JsonReader reader)
    {
        var type = JsonRead.TextAhead(reader, "type"u8);
        if (type.IsEmpty)
        {
            ReadResponse(ref reader, whole: true);
        }
        else if (type.SequenceEqual("error"u8))
        {
            HasError = true;
            (ErrorCode, ErrorMessage) = ErrorBody.ReadFields(ref reader);
        }
        else
        {
            ReadEvent(ref reader, type);
        }
    }

    private void ReadEvent(ref Utf8JsonReader reader, ReadOnlySpan<byte> type)
    {
        Start();
        var place = JsonRead.Ahead(reader, "output_index"u8);
        var logProbs = LogProbCount;
        var member = MemberOf(type);
        SawContent |= member.IsEmpty && !type.StartsWith("response.content_part."u8);
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("response"u8) && JsonRead.BeginObject(ref reader))
            {
                ReadResponse(ref reader, whole: false);
            }
            else if (reader.TokenType == JsonTokenType.PropertyName && type.SequenceEqual("response.output_text.delta"u8) && reader.ValueTextEquals("logprobs"u8))
            {
                ReadLogProbs(ref reader);
            }
            else if (reader.TokenType == JsonTokenType.PropertyName && !member.IsEmpty && reader.ValueTextEquals(member))
            {
                ReadMember(ref reader, type, place);
            }
            else
            {
                reader.Skip();
            }
        }

        AttachLogProbs(0, logProbs);
    }

    /// <summary>The member of an event that we read; empty for events of which none is ours.</summary>
    private static ReadOnlySpan<byte> MemberOf(ReadOnlySpan<byte> type) => type switch
    {
        _ when type.EndsWith(".delta"u8) => "delta"u8,
        _ when type.StartsWith("response.output_item."u8) => "item"u8,
        _ when type.SequenceEqual("response.function_call_arguments.done"u8) => "arguments"u8,
        _ when type.SequenceEqual("response.reasoning_summary_part.added"u8) => "summary_index"u8,
        _ when type.EndsWith(".done"u8) => "none"u8,
        _ when type.SequenceEqual("response.created"u8) || type.SequenceEqual("response.queued"u8) || type.SequenceEqual("response.in_progress"u8) => "none"u8,
        _ when type.SequenceEqual("response.completed"u8) || type.SequenceEqual("response.incomplete"u8) || type.SequenceEqual("response.failed"u8) => "none"u8,
        _ => default,
    };

    private void ReadMember(ref Utf8JsonReader reader, ReadOnlySpan<byte> type, int place)
    {
        if (type.SequenceEqual("response.output_text.delta"u8))
        {
            AddText(ref reader, EventKind.Text, 0, 0, ref _text);
        }
        else if (type.SequenceEqual("response.refusal.delta"u8))
        {
            _refused = true;
            AddText(ref reader, EventKind.Refusal, 0, 0, ref _refusal);
        }
        else if (type.SequenceEqual("response.reasoning_summary_text.delta"u8) || type.SequenceEqual("response.reasoning_text.delta"u8))
        {
            AddText(ref reader, EventKind.Reasoning, 0, 0, ref _reasoning);
            _summarised = true;
        }
        else if (type.SequenceEqual("response.reasoning_summary_part.added"u8))
        {
            PartSummary(JsonRead.Int(ref reader));
        }
        else if (type.StartsWith("response.function_call_arguments."u8))
        {
            ReadArguments(ref reader, place, onlyIfNone: type.EndsWith(".done"u8));
        }
        else if (type.StartsWith("response.output_item."u8) && JsonRead.BeginObject(ref reader))
        {
            ReadItem(ref reader, place, isWhole: false, isDone: type.EndsWith(".done"u8));
        }
        else
        {
            // A delta of something that is not ours.
            SawContent |= reader.TokenType == JsonTokenType.PropertyName;
            reader.Skip();
        }
    }

    /// <summary>Several summaries of one reasoning are paragraphs.</summary>
    private void PartSummary(int index)
    {
        if (index > 0)
        {
            var from = Bytes.Length;
            Bytes.Write("\n\n"u8);
            ContentBytes += 2;
            Add(new ModelEvent { Kind = EventKind.Reasoning }, from..Bytes.Length);
        }
    }

    private void ReadArguments(ref Utf8JsonReader reader, int place, bool onlyIfNone)
    {
        var index = _calls.FindIndex(c => c.Place == place);
        JsonRead.Require(index >= 0);
        var call = _calls[index];
        if (onlyIfNone && call.HasArguments)
        {
            reader.Skip();
            return;
        }

        var before = ContentBytes;
        AddText(ref reader, EventKind.ToolCallArguments, 0, index, ref call.Tail);
        call.HasArguments |= ContentBytes > before;
        _calls[index] = call;
    }

    /// <summary>The reader is inside a response.</summary>
    /// <param name="whole">It is the answer itself, not an event's: its output is read.</param>
    private void ReadResponse(ref Utf8JsonReader reader, bool whole)
    {
        Start();
        var end = FinishReason.None;
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("status"u8))
            {
                end = ReadStatus(ref reader, end);
            }
            else if (reader.ValueTextEquals("incomplete_details"u8))
            {
                end = ReadIncomplete(ref reader, end);
            }
            else if (reader.ValueTextEquals("usage"u8))
            {
                ReadUsage(ref reader);
            }
            else if (reader.ValueTextEquals("error"u8))
            {
                ReadError(ref reader);
            }
            else if (whole && reader.ValueTextEquals("output"u8) && JsonRead.BeginArray(ref reader))
            {
                for (var place = 0; JsonRead.NextObject(ref reader); place++)
                {
                    ReadItem(ref reader, place, isWhole: true, isDone: true);
                }
            }
            else
            {
                reader.Skip();
            }
        }

        if (end != FinishReason.None && !HasError)
        {
            Finish(end);
        }
    }

    private FinishReason ReadStatus(ref Utf8JsonReader reader, FinishReason known)
    {
        if (!JsonRead.String(ref reader))
        {
            return known;
        }

        HasError |= reader.ValueTextEquals("failed"u8) || reader.ValueTextEquals("cancelled"u8);
        return reader.ValueTextEquals("completed"u8) ? FinishReason.Stop
            : reader.ValueTextEquals("incomplete"u8) && known == FinishReason.None ? FinishReason.Length : known;
    }

    private static FinishReason ReadIncomplete(ref Utf8JsonReader reader, FinishReason known)
    {
        if (!JsonRead.BeginObject(ref reader))
        {
            return known;
        }

        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("reason"u8) && JsonRead.String(ref reader))
            {
                known = reader.ValueTextEquals("content_filter"u8) ? FinishReason.ContentFilter : FinishReason.Length;
            }
            else
            {
                reader.Skip();
            }
        }

        return known;
    }

    private void Finish(FinishReason reason)
    {
        Reason = reason != FinishReason.Stop ? reason : _refused ? FinishReason.Refusal : _calls.Count > 0 ? FinishReason.ToolCalls : FinishReason.Stop;
        IsFinished = true;
        IsOver = true;
        Add(new ModelEvent { Kind = EventKind.Finished, Reason = Reason });
    }

    private void ReadUsage(ref Utf8JsonReader reader)
    {
        if (!JsonRead.BeginObject(ref reader))
        {
            return;
        }

        var usage = new Usage();
        var seen = 0;
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("input_tokens"u8))
            {
                usage = usage with { InputTokens = JsonRead.Int(ref reader) };
                seen |= 1;
            }
            else if (reader.ValueTextEquals("output_tokens"u8))
            {
                usage = usage with { OutputTokens = JsonRead.Int(ref reader) };
                seen |= 2;
            }
            else if (reader.ValueTextEquals("input_tokens_details"u8))
            {
                usage = usage with { CachedInputTokens = JsonRead.Detail(ref reader, "cached_tokens"u8) };
            }
            else if (reader.ValueTextEquals("output_tokens_details"u8))
            {
                usage = usage with { ReasoningTokens = JsonRead.Detail(ref reader, "reasoning_tokens"u8) };
            }
            else
            {
                JsonRead.Skip(ref reader);
            }
        }

        Usage = seen == 3 ? usage : Usage;
    }

    /// <summary>The reader is inside an item of the output.</summary>
    private void ReadItem(ref Utf8JsonReader reader, int place, bool isWhole, bool isDone)
    {
        var type = JsonRead.TextAhead(reader, "type"u8);
        if (type.SequenceEqual("function_call"u8))
        {
            ReadCall(ref reader, place, isDone);
        }
        else if (type.SequenceEqual("reasoning"u8))
        {
            ReadReasoning(ref reader, isWhole, isDone);
        }
        else if (type.SequenceEqual("message"u8))
        {
            ReadMessage(ref reader, isWhole);
        }
        else
        {
            SawContent = true;
            SkipRest(ref reader);
        }
    }

    private void ReadCall(ref Utf8JsonReader reader, int place, bool isDone)
    {
        var start = reader;
        Range id = default, name = default;
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("call_id"u8))
            {
                id = ReadString(ref reader);
            }
            else if (reader.ValueTextEquals("name"u8))
            {
                name = ReadString(ref reader);
            }
            else
            {
                JsonRead.Skip(ref reader);
            }
        }

        if (!_calls.Exists(c => c.Place == place))
        {
            JsonRead.Require(_calls.Count < CallsMax);
            ContentBytes += name.End.Value - name.Start.Value;
            Add(new ModelEvent { Kind = EventKind.ToolCallStart, Index = _calls.Count }, name, id);
            _calls.Add(new Call { Place = place });
        }

        // A whole answer, or a server that sends no deltas.
        while (isDone && JsonRead.NextMember(ref start))
        {
            if (start.ValueTextEquals("arguments"u8))
            {
                ReadArguments(ref start, place, onlyIfNone: true);
            }
            else
            {
                JsonRead.Skip(ref start);
            }
        }
    }

    private void ReadReasoning(ref Utf8JsonReader reader, bool isWhole, bool isDone)
    {
        Range id = default, encrypted = default;
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("id"u8))
            {
                id = ReadString(ref reader);
            }
            else if (reader.ValueTextEquals("encrypted_content"u8))
            {
                encrypted = ReadString(ref reader);
            }
            else if (isWhole && (reader.ValueTextEquals("summary"u8) || reader.ValueTextEquals("content"u8)) && JsonRead.BeginArray(ref reader))
            {
                for (var part = 0; JsonRead.NextObject(ref reader); part++)
                {
                    PartSummary(part);
                    ReadReasoningText(ref reader);
                }
            }
            else
            {
                reader.Skip();
            }
        }

        if (isDone && encrypted.End.Value > encrypted.Start.Value)
        {
            AddProof(id, encrypted);
        }
    }

    /// <summary>The proof of the reasoning before it; where that was not to be read, the reasoning itself.</summary>
    private void AddProof(Range id, Range encrypted)
    {
        var from = Bytes.Length;
        if (id.End.Value > id.Start.Value)
        {
            Copy(id);
            Bytes.Write((byte)':');
        }

        Copy(encrypted);
        SawContent = true;
        Add(new ModelEvent { Kind = _summarised ? EventKind.ReasoningSignature : EventKind.RedactedReasoning }, from..Bytes.Length);
        _summarised = false;
    }

    private void Copy(Range range)
    {
        var length = range.End.Value - range.Start.Value;
        var to = Bytes.GetSpan(length);
        Bytes.Span[range].CopyTo(to);
        Bytes.Advance(length);
    }

    /// <summary>A message's texts come as deltas; only a whole answer has them in its items.</summary>
    private void ReadMessage(ref Utf8JsonReader reader, bool isWhole)
    {
        while (JsonRead.NextMember(ref reader))
        {
            if (isWhole && reader.ValueTextEquals("content"u8) && JsonRead.BeginArray(ref reader))
            {
                while (JsonRead.NextObject(ref reader))
                {
                    ReadContent(ref reader);
                }
            }
            else
            {
                reader.Skip();
            }
        }
    }

    private void ReadContent(ref Utf8JsonReader reader)
    {
        var logProbs = LogProbCount;
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("text"u8))
            {
                AddText(ref reader, EventKind.Text, 0, 0, ref _text);
            }
            else if (reader.ValueTextEquals("refusal"u8))
            {
                _refused = true;
                AddText(ref reader, EventKind.Refusal, 0, 0, ref _refusal);
            }
            else if (reader.ValueTextEquals("logprobs"u8))
            {
                ReadLogProbs(ref reader);
            }
            else
            {
                reader.Skip();
            }
        }

        AttachLogProbs(0, logProbs);
    }

    private void ReadReasoningText(ref Utf8JsonReader reader)
    {
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("text"u8))
            {
                AddText(ref reader, EventKind.Reasoning, 0, 0, ref _reasoning);
                _summarised = true;
            }
            else
            {
                reader.Skip();
            }
        }
    }

    private static void SkipRest(ref Utf8JsonReader reader)
    {
        while (JsonRead.NextMember(ref reader))
        {
            reader.Skip();
        }
    }

    private struct Call
    {
        /// <summary>The item's place in the output.</summary>
        public int Place;
        public bool HasArguments;
        public Utf8Tail Tail;
    }
}
