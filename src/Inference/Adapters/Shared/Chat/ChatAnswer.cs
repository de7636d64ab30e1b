using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Shared.Chat;

/// <summary>Reads <c>chat.completion.chunk</c> and <c>chat.completion</c> objects (OpenAI API reference, "Chat completions"), and what servers add to them.</summary>
internal sealed class ChatAnswer : AnswerReader
{
    /// <summary>Choices and tool calls that can be told apart; requests ask for far fewer.</summary>
    private const int ChoicesMax = 128;
    private const int ToolCallsMax = 1_024;

    private readonly List<ChoiceState> _choices = [];

    /// <summary>Of earlier answers.</summary>
    private readonly Stack<ChoiceState> _spare = new();
    private int _ended;

    /// <summary>A stream may finish one choice before it begins the next.</summary>
    protected override bool IsEnding => IsFinished && _ended >= Choices;

    public override void Reset()
    {
        base.Reset();
        foreach (var choice in _choices)
        {
            choice.Reset();
            _spare.Push(choice);
        }

        _choices.Clear();
        _ended = 0;
    }

    protected override void ReadObject(ref Utf8JsonReader reader)
    {
        var hasChoices = false;
        var hasUsage = false;
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("choices"u8))
            {
                hasChoices |= ReadChoices(ref reader);
            }
            else if (reader.ValueTextEquals("usage"u8))
            {
                hasUsage |= ReadUsage(ref reader);
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

        IsOnlyUsage = hasUsage && !hasChoices && !HasError;
    }

    /// <returns>True when there was a choice.</returns>
    private bool ReadChoices(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            return false;
        }

        JsonRead.Require(reader.TokenType == JsonTokenType.StartArray);
        var any = false;
        while (JsonRead.NextObject(ref reader))
        {
            any = true;
            ReadChoice(ref reader);
        }

        IsFinished = _choices.Count > 0 && _choices.TrueForAll(c => c.Reason != FinishReason.None);
        Reason = _choices.Count > 0 ? _choices[0].Reason : FinishReason.None;
        return any;
    }

    private void ReadChoice(ref Utf8JsonReader reader)
    {
        // The index may stand after the delta.
        var index = JsonRead.Ahead(reader, "index"u8);
        var state = ChoiceAt(index);
        var reason = FinishReason.None;
        var stop = default(Range);
        var logProbs = LogProbCount;
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("delta"u8) || reader.ValueTextEquals("message"u8))
            {
                ReadDelta(ref reader, index, state);
            }
            else if (reader.ValueTextEquals("finish_reason"u8))
            {
                reason = ReadReason(ref reader);
            }
            else if (reader.ValueTextEquals("stop_reason"u8))
            {
                // vLLM: the stop text that was met, a token's id, or null.
                stop = ReadString(ref reader);
            }
            else if (reader.ValueTextEquals("logprobs"u8))
            {
                ReadChoiceLogProbs(ref reader);
            }
            else
            {
                JsonRead.Skip(ref reader);
            }
        }

        AttachLogProbs(index, logProbs);
        Finish(index, state, reason, stop);
    }

    private void Finish(int index, ChoiceState state, FinishReason reason, Range stop)
    {
        if (reason == FinishReason.None || state.Reason != FinishReason.None)
        {
            return;
        }

        var met = reason == FinishReason.Stop && stop.End.Value > stop.Start.Value;
        state.Reason = reason == FinishReason.Stop && state.Refused ? FinishReason.Refusal : met ? FinishReason.StopSequence : reason;
        _ended++;
        Add(new ModelEvent { Kind = EventKind.Finished, Choice = index, Reason = state.Reason }, met ? stop : default);
    }

    private void ReadDelta(ref Utf8JsonReader reader, int choice, ChoiceState state)
    {
        Start(choice);
        if (!JsonRead.BeginObject(ref reader))
        {
            return;
        }

        ReadReasoning(reader, choice, state);
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("content"u8))
            {
                AddText(ref reader, EventKind.Text, choice, 0, ref state.Text);
            }
            else if (reader.ValueTextEquals("refusal"u8))
            {
                var before = ContentBytes;
                AddText(ref reader, EventKind.Refusal, choice, 0, ref state.Refusal);
                state.Refused |= ContentBytes > before;
            }
            else if (reader.ValueTextEquals("reasoning_content"u8) || reader.ValueTextEquals("reasoning"u8))
            {
                JsonRead.Skip(ref reader);
            }
            else if (reader.ValueTextEquals("tool_calls"u8))
            {
                ReadToolCalls(ref reader, choice, state);
            }
            else
            {
                SkipOther(ref reader);
            }
        }
    }

    /// <summary>
    /// A model thinks before it speaks, but a whole message often says the answer first: looks ahead for what was thought (the reader is a copy). Some servers
    /// say the same under both names.
    /// </summary>
    private void ReadReasoning(Utf8JsonReader reader, int choice, ChoiceState state)
    {
        var before = ContentBytes;
        while (ContentBytes == before && JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("reasoning_content"u8) || reader.ValueTextEquals("reasoning"u8))
            {
                AddText(ref reader, EventKind.Reasoning, choice, 0, ref state.Reasoning);
            }
            else
            {
                JsonRead.Skip(ref reader);
            }
        }
    }

    /// <summary>Audio, annotations and the like: nothing of ours, yet a caller that gets the server's own bytes sees it.</summary>
    private void SkipOther(ref Utf8JsonReader reader)
    {
        var known = reader.ValueTextEquals("role"u8);
        reader.Read();
        SawContent |= !known && reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray;
        reader.Skip();
    }

    private void ReadToolCalls(ref Utf8JsonReader reader, int choice, ChoiceState state)
    {
        if (!JsonRead.BeginArray(ref reader))
        {
            return;
        }

        for (var place = 0; JsonRead.NextObject(ref reader); place++)
        {
            ReadToolCall(ref reader, choice, state, place);
        }
    }

    // A whole message numbers its tool calls by their place; a stream states the index, and id and name once.
    private void ReadToolCall(ref Utf8JsonReader reader, int choice, ChoiceState state, int place)
    {
        var index = JsonRead.Ahead(reader, "index"u8, place);
        JsonRead.Require(index <= state.ToolCalls.Count && index is >= 0 and < ToolCallsMax);
        var id = default(Range);
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("id"u8))
            {
                id = ReadString(ref reader);
            }
            else if (reader.ValueTextEquals("function"u8))
            {
                ReadFunction(ref reader, choice, state, index, id);
            }
            else
            {
                SkipOther(ref reader);
            }
        }
    }

    private void ReadFunction(ref Utf8JsonReader reader, int choice, ChoiceState state, int index, Range id)
    {
        if (!JsonRead.BeginObject(ref reader))
        {
            return;
        }

        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("name"u8))
            {
                BeginToolCall(choice, state, index, id, ReadString(ref reader));
            }
            else if (reader.ValueTextEquals("arguments"u8))
            {
                JsonRead.Require(index < state.ToolCalls.Count);
                var tail = state.ToolCalls[index];
                AddText(ref reader, EventKind.ToolCallArguments, choice, index, ref tail);
                state.ToolCalls[index] = tail;
            }
            else
            {
                JsonRead.Skip(ref reader);
            }
        }
    }

    // Some servers repeat the name with every piece of the arguments.
    private void BeginToolCall(int choice, ChoiceState state, int index, Range id, Range name)
    {
        if (index == state.ToolCalls.Count)
        {
            state.ToolCalls.Add(default);
            ContentBytes += name.End.Value - name.Start.Value;
            Add(new ModelEvent { Kind = EventKind.ToolCallStart, Choice = choice, Index = index }, name, id);
        }
    }

    private static FinishReason ReadReason(ref Utf8JsonReader reader)
    {
        if (!JsonRead.String(ref reader))
        {
            return FinishReason.None;
        }

        return reader.ValueTextEquals("length"u8) ? FinishReason.Length
            : reader.ValueTextEquals("tool_calls"u8) || reader.ValueTextEquals("function_call"u8) ? FinishReason.ToolCalls
            : reader.ValueTextEquals("content_filter"u8) ? FinishReason.ContentFilter : FinishReason.Stop;
    }

    /// <summary><c>{"content": [entry, ...], "refusal": [entry, ...]}</c>.</summary>
    private void ReadChoiceLogProbs(ref Utf8JsonReader reader)
    {
        if (!JsonRead.BeginObject(ref reader))
        {
            return;
        }

        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("content"u8) || reader.ValueTextEquals("refusal"u8))
            {
                ReadLogProbs(ref reader);
            }
            else
            {
                reader.Skip();
            }
        }
    }

    /// <returns>True when it states anything.</returns>
    private bool ReadUsage(ref Utf8JsonReader reader)
    {
        if (!JsonRead.BeginObject(ref reader))
        {
            return false;
        }

        Usage = ChatUsage.Read(ref reader) ?? Usage;
        return true;
    }

    private ChoiceState ChoiceAt(int index)
    {
        JsonRead.Require(index is >= 0 and < ChoicesMax);
        while (_choices.Count <= index)
        {
            _choices.Add(_spare.TryPop(out var spare) ? spare : new ChoiceState());
        }

        return _choices[index];
    }

    private sealed class ChoiceState
    {
        public Utf8Tail Text;
        public Utf8Tail Reasoning;
        public Utf8Tail Refusal;
        public bool Refused;
        public List<Utf8Tail> ToolCalls { get; } = [];
        public FinishReason Reason { get; set; }

        public void Reset()
        {
            Text = default;
            Reasoning = default;
            Refusal = default;
            Refused = false;
            ToolCalls.Clear();
            Reason = FinishReason.None;
        }
    }
}
