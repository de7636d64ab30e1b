using System.Buffers;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>
/// Collects a whole answer, then writes it as one message object. Where the provider's own body comes, that is the answer. Owned by a
/// <see cref="MessageExchange"/>, which resets it.
/// </summary>
internal sealed class MessageCollector : IAnswerSink
{
    /// <summary>An answer of more than this is an upstream gone wild; the call fails rather than fill the memory.</summary>
    private const int BytesMax = 64 * 1024 * 1024;

    private readonly List<Block> _blocks = [];
    private readonly Stack<Block> _spare = [];
    private readonly ArrayBufferWriter<byte> _sequence = new();
    private readonly ArrayBufferWriter<byte> _wire = new();
    private FinishReason _reason;
    private int _bytes;

    /// <summary>False keeps only the first tool call (<c>disable_parallel_tool_use</c>).</summary>
    public bool ParallelToolCalls { get; set; } = true;

    /// <summary>The provider's own body; empty when there is none.</summary>
    public ReadOnlyMemory<byte> Wire => _wire.WrittenMemory;

    /// <exception cref="InvalidDataException">The answer passed <see cref="BytesMax"/>.</exception>
    public ValueTask WriteAsync(ModelEvent item)
    {
        _bytes += item.Utf8.Length;
        if (_bytes > BytesMax)
        {
            throw new InvalidDataException($"The answer is longer than {BytesMax} bytes.");
        }

        if (item.Kind == EventKind.Wire)
        {
            if (item.Shape == ApiShape.AnthropicMessages)
            {
                _wire.Write(item.Utf8.Span);
            }
        }
        else if (!item.InWire && item.Choice == 0)
        {
            Add(item);
        }

        return ValueTask.CompletedTask;
    }

    public void Write(Utf8JsonWriter json, string id, string model, in Outcome outcome)
    {
        json.WriteStartObject();
        MessageJson.WriteHead(json, id, model);
        json.WriteStartArray("content"u8);
        foreach (var block in _blocks)
        {
            block.Write(json);
        }

        json.WriteEndArray();
        MessageJson.WriteStop(json, _reason == FinishReason.None ? outcome.Reason : _reason, _sequence.WrittenSpan);
        MessageJson.WriteUsage(json, outcome.Usage);
        json.WriteEndObject();
    }

    public void Reset()
    {
        foreach (var block in _blocks)
        {
            block.Reset();
            _spare.Push(block);
        }

        _blocks.Clear();
        _sequence.ResetWrittenCount();
        _wire.ResetWrittenCount();
        (_reason, _bytes, ParallelToolCalls) = (FinishReason.None, 0, true);
    }

    private void Add(in ModelEvent item)
    {
        switch (item.Kind)
        {
            case EventKind.Text or EventKind.Refusal when !item.Utf8.IsEmpty:
                Continue(EventKind.Text).Content.Write(item.Utf8.Span);
                break;
            case EventKind.Reasoning when !item.Utf8.IsEmpty:
                Continue(EventKind.Reasoning).Content.Write(item.Utf8.Span);
                break;
            case EventKind.ReasoningSignature:
                var signed = Continue(EventKind.Reasoning);
                signed.Proof.Write(item.Utf8.Span);
                break;
            case EventKind.RedactedReasoning:
                New(EventKind.RedactedReasoning, -1).Content.Write(item.Utf8.Span);
                break;
            case EventKind.ToolCallStart when Wanted(item.Index):
                var call = New(EventKind.ToolCallStart, item.Index);
                call.Id.Write(item.ToolCallId.Span);
                call.Proof.Write(item.Utf8.Span);
                break;
            case EventKind.ToolCallArguments when Wanted(item.Index):
                CallOf(item.Index)?.Content.Write(item.Utf8.Span);
                break;
            case EventKind.Finished when !MessageJson.NameOf(item.Reason).IsEmpty:
                _reason = item.Reason;
                _sequence.ResetWrittenCount();
                _sequence.Write(item.Utf8.Span);
                break;
            default:
                break;
        }
    }

    private bool Wanted(int index) => ParallelToolCalls || index == 0;

    /// <summary>The last block if it is of the kind and goes on; thinking that was signed does not.</summary>
    private Block Continue(EventKind kind) =>
        _blocks.Count > 0 && _blocks[^1].Kind == kind && _blocks[^1].Proof.WrittenCount == 0 ? _blocks[^1] : New(kind, -1);

    private Block New(EventKind kind, int index)
    {
        var block = _spare.TryPop(out var kept) ? kept : new Block();
        (block.Kind, block.Index) = (kind, index);
        _blocks.Add(block);
        return block;
    }

    private Block? CallOf(int index)
    {
        foreach (var block in _blocks)
        {
            if (block.Index == index)
            {
                return block;
            }
        }

        return null;
    }

    /// <summary>One content block; its buffers are kept when it is reset.</summary>
    private sealed class Block
    {
        public EventKind Kind { get; set; }

        /// <summary>Which tool call; -1 for other blocks.</summary>
        public int Index { get; set; } = -1;
        public ArrayBufferWriter<byte> Id { get; } = new();

        /// <summary>The signature of thinking, the name of a tool.</summary>
        public ArrayBufferWriter<byte> Proof { get; } = new();
        public ArrayBufferWriter<byte> Content { get; } = new();

        public void Write(Utf8JsonWriter json)
        {
            json.WriteStartObject();
            switch (Kind)
            {
                case EventKind.Reasoning:
                    json.WriteString("type"u8, "thinking"u8);
                    json.WriteString("thinking"u8, Content.WrittenSpan);
                    json.WriteString("signature"u8, Proof.WrittenSpan);
                    break;
                case EventKind.RedactedReasoning:
                    json.WriteString("type"u8, "redacted_thinking"u8);
                    json.WriteString("data"u8, Content.WrittenSpan);
                    break;
                case EventKind.ToolCallStart:
                    json.WriteString("type"u8, "tool_use"u8);
                    json.WriteString("id"u8, Id.WrittenSpan);
                    json.WriteString("name"u8, Proof.WrittenSpan);
                    MessageJson.WriteInput(json, Content.WrittenSpan);
                    break;
                default:
                    json.WriteString("type"u8, "text"u8);
                    json.WriteString("text"u8, Content.WrittenSpan);
                    break;
            }

            json.WriteEndObject();
        }

        public void Reset()
        {
            Index = -1;
            Id.ResetWrittenCount();
            Proof.ResetWrittenCount();
            Content.ResetWrittenCount();
        }
    }
}
