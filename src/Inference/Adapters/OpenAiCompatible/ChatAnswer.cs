using System.Text.Json;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.OpenAiCompatible;

/// <summary>
/// An answer as it comes: each chunk (<c>chat.completion.chunk</c>) or whole object (<c>chat.completion</c>) becomes events. State lasts over the chunks of
/// one answer.
/// </summary>
internal sealed class ChatAnswer : IDisposable
{
    /// <summary>Choices and tool calls that can be told apart; requests ask for far fewer.</summary>
    private const int ChoicesMax = 128;
    private const int ToolCallsMax = 1_024;

    private readonly PooledBuffer _bytes = new(2048);
    private readonly List<Pending> _events = [];
    private readonly List<ChoiceState> _choices = [];
    private bool _started;

    /// <summary>As the server stated it; null while it has not.</summary>
    public Usage? Usage { get; private set; }

    /// <summary>Bytes of text, reasoning and tool calls so far.</summary>
    public long ContentBytes { get; private set; }

    /// <summary>Some choice has begun, and each that has is finished.</summary>
    public bool IsFinished { get; private set; }

    /// <summary>Why the first choice ended.</summary>
    public FinishReason Reason => _choices.Count > 0 ? _choices[0].Reason : FinishReason.None;
    public bool HasError { get; private set; }
    public string ErrorCode { get; private set; } = "";
    public string ErrorMessage { get; private set; } = "";
    public int EventCount => _events.Count;

    public ModelEvent EventAt(int index)
    {
        var pending = _events[index];
        return pending.Item with { Utf8 = _bytes.Memory[pending.Text], ToolCallId = _bytes.Memory[pending.Id] };
    }

    /// <summary>Reads one object; the events of the one before are gone.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public string? Read(ReadOnlySpan<byte> json)
    {
        _bytes.Reset();
        _events.Clear();
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return "something else than a JSON object";
            }

            ReadObject(ref reader);
            return null;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or FormatException)
        {
            return "JSON that is broken or not of the API's shape";
        }
    }

    public void Reset()
    {
        _bytes.Reset();
        _events.Clear();
        _choices.Clear();
        _started = false;
        Usage = null;
        ContentBytes = 0;
        IsFinished = false;
        HasError = false;
        ErrorCode = "";
        ErrorMessage = "";
    }

    public void Dispose() => _bytes.Dispose();

    private void ReadObject(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("choices"u8))
            {
                ReadChoices(ref reader);
            }
            else if (reader.ValueTextEquals("usage"u8))
            {
                ReadUsage(ref reader);
            }
            else if (reader.ValueTextEquals("error"u8))
            {
                ReadError(ref reader);
            }
            else
            {
                Skip(ref reader);
            }
        }
    }

    private void ReadChoices(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        Require(reader.TokenType == JsonTokenType.StartArray);
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            ReadChoice(ref reader);
        }

        IsFinished = _choices.Count > 0 && _choices.TrueForAll(c => c.Reason != FinishReason.None);
    }

    private void ReadChoice(ref Utf8JsonReader reader)
    {
        // The index may stand after the delta.
        var index = IndexOf(reader);
        var state = ChoiceAt(index);
        var reason = FinishReason.None;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("delta"u8) || reader.ValueTextEquals("message"u8))
            {
                ReadDelta(ref reader, index, state);
            }
            else if (reader.ValueTextEquals("finish_reason"u8))
            {
                reason = ReadReason(ref reader);
            }
            else
            {
                Skip(ref reader);
            }
        }

        if (reason != FinishReason.None && state.Reason == FinishReason.None)
        {
            state.Reason = reason;
            _events.Add(new Pending(new ModelEvent { Kind = EventKind.Finished, Choice = index, Reason = reason }, default, default));
        }
    }

    private void ReadDelta(ref Utf8JsonReader reader, int choice, ChoiceState state)
    {
        Start(choice);
        if (!BeginObject(ref reader))
        {
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("content"u8) || reader.ValueTextEquals("refusal"u8))
            {
                ReadText(ref reader, EventKind.Text, choice, 0, ref state.Text);
            }
            else if (reader.ValueTextEquals("reasoning_content"u8) || reader.ValueTextEquals("reasoning"u8))
            {
                ReadText(ref reader, EventKind.Reasoning, choice, 0, ref state.Reasoning);
            }
            else if (reader.ValueTextEquals("tool_calls"u8))
            {
                ReadToolCalls(ref reader, choice, state);
            }
            else
            {
                Skip(ref reader);
            }
        }
    }

    private void ReadText(ref Utf8JsonReader reader, EventKind kind, int choice, int index, ref Utf8Tail tail)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.String)
        {
            reader.Skip();
            return;
        }

        var from = _bytes.Length;
        tail.Append(reader.ValueSpan, _bytes);
        if (_bytes.Length > from)
        {
            ContentBytes += _bytes.Length - from;
            _events.Add(new Pending(new ModelEvent { Kind = kind, Choice = choice, Index = index }, from.._bytes.Length, default));
        }
    }

    private void ReadToolCalls(ref Utf8JsonReader reader, int choice, ChoiceState state)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return;
        }

        for (var place = 0; reader.Read() && reader.TokenType == JsonTokenType.StartObject; place++)
        {
            ReadToolCall(ref reader, choice, state, place);
        }
    }

    // A whole message numbers its tool calls by their place; a stream states the index, and id and name once.
    private void ReadToolCall(ref Utf8JsonReader reader, int choice, ChoiceState state, int place)
    {
        var index = IndexOf(reader, place);
        Require(index <= state.ToolCalls.Count && index < ToolCallsMax);
        var id = default(Range);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
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
                Skip(ref reader);
            }
        }
    }

    private void ReadFunction(ref Utf8JsonReader reader, int choice, ChoiceState state, int index, Range id)
    {
        if (!BeginObject(ref reader))
        {
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("name"u8))
            {
                BeginToolCall(choice, state, index, id, ReadString(ref reader));
            }
            else if (reader.ValueTextEquals("arguments"u8))
            {
                Require(index < state.ToolCalls.Count);
                var tail = state.ToolCalls[index];
                ReadText(ref reader, EventKind.ToolCallArguments, choice, index, ref tail);
                state.ToolCalls[index] = tail;
            }
            else
            {
                Skip(ref reader);
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
            _events.Add(new Pending(new ModelEvent { Kind = EventKind.ToolCallStart, Choice = choice, Index = index }, name, id));
        }
    }

    private Range ReadString(ref Utf8JsonReader reader)
    {
        reader.Read();
        var from = _bytes.Length;
        if (reader.TokenType == JsonTokenType.String)
        {
            default(Utf8Tail).Append(reader.ValueSpan, _bytes);
        }
        else
        {
            reader.Skip();
        }

        return from.._bytes.Length;
    }

    private static FinishReason ReadReason(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.String)
        {
            reader.Skip();
            return FinishReason.None;
        }

        return reader.ValueTextEquals("length"u8) ? FinishReason.Length
            : reader.ValueTextEquals("tool_calls"u8) || reader.ValueTextEquals("function_call"u8) ? FinishReason.ToolCalls
            : reader.ValueTextEquals("content_filter"u8) ? FinishReason.ContentFilter : FinishReason.Stop;
    }

    private void ReadUsage(ref Utf8JsonReader reader)
    {
        if (!BeginObject(ref reader))
        {
            return;
        }

        var usage = new Usage();
        var seen = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("prompt_tokens"u8))
            {
                usage = usage with { InputTokens = ReadInt(ref reader) };
                seen |= 1;
            }
            else if (reader.ValueTextEquals("completion_tokens"u8))
            {
                usage = usage with { OutputTokens = ReadInt(ref reader) };
                seen |= 2;
            }
            else if (reader.ValueTextEquals("prompt_tokens_details"u8))
            {
                usage = usage with { CachedInputTokens = ReadDetail(ref reader, "cached_tokens"u8) };
            }
            else if (reader.ValueTextEquals("completion_tokens_details"u8))
            {
                usage = usage with { ReasoningTokens = ReadDetail(ref reader, "reasoning_tokens"u8) };
            }
            else
            {
                Skip(ref reader);
            }
        }

        // Half a statement is none.
        Usage = seen == 3 ? usage : Usage;
    }

    private static int ReadDetail(ref Utf8JsonReader reader, ReadOnlySpan<byte> name)
    {
        var value = 0;
        if (!BeginObject(ref reader))
        {
            return value;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals(name))
            {
                value = ReadInt(ref reader);
            }
            else
            {
                Skip(ref reader);
            }
        }

        return value;
    }

    private void ReadError(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        HasError = true;
        if (reader.TokenType == JsonTokenType.StartObject)
        {
            (ErrorCode, ErrorMessage) = ErrorBody.ReadFields(ref reader);
            return;
        }

        ErrorMessage = reader.TokenType == JsonTokenType.String ? ErrorBody.Text(reader) : "";
        reader.Skip();
    }

    private void Start(int choice)
    {
        if (!_started)
        {
            _started = true;
            _events.Add(new Pending(new ModelEvent { Kind = EventKind.Started, Choice = choice }, default, default));
        }
    }

    private ChoiceState ChoiceAt(int index)
    {
        Require(index is >= 0 and < ChoicesMax);
        while (_choices.Count <= index)
        {
            _choices.Add(new ChoiceState());
        }

        return _choices[index];
    }

    /// <summary>The object's <c>index</c>, wherever it stands (the reader is a copy).</summary>
    private static int IndexOf(Utf8JsonReader reader, int otherwise = 0)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("index"u8))
            {
                return ReadInt(ref reader);
            }

            Skip(ref reader);
        }

        return otherwise;
    }

    private static int ReadInt(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number)
        {
            // A number that is no int is a defect of the server; below zero it is recognised as one when it is charged.
            return reader.TryGetInt32(out var value) ? value : -1;
        }

        reader.Skip();
        return 0;
    }

    private static bool BeginObject(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.StartObject)
        {
            return true;
        }

        reader.Skip();
        return false;
    }

    private static void Skip(ref Utf8JsonReader reader)
    {
        reader.Read();
        reader.Skip();
    }

    private static void Require(bool holds)
    {
        if (!holds)
        {
            throw new FormatException();
        }
    }

    private readonly record struct Pending(ModelEvent Item, Range Text, Range Id);

    private sealed class ChoiceState
    {
        public Utf8Tail Text;
        public Utf8Tail Reasoning;
        public List<Utf8Tail> ToolCalls { get; } = [];
        public FinishReason Reason { get; set; }
    }
}
