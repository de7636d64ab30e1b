using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Unicode;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>
/// Reads the content blocks of an answer: text, thinking, tool calls, whole or in deltas. Blocks of other types (a provider's own tools) have no event here and
/// are passed over.
/// </summary>
internal abstract class BlockReader : AnswerReader
{
    /// <summary>Blocks that can be told apart; answers have a few dozen.</summary>
    private const int BlocksMax = 4_096;

    private readonly List<Block> _blocks = [];
    private int _toolCalls;

    /// <summary>The model has thought, or used a tool of the provider's: more was produced, and is billed, than the answer's bytes show.</summary>
    public bool HidesTokens { get; private set; }

    public override void Reset()
    {
        base.Reset();
        _blocks.Clear();
        _toolCalls = 0;
        HidesTokens = false;
    }

    /// <summary>Inside the event <c>content_block_start</c>.</summary>
    protected void ReadStart(ref Utf8JsonReader reader)
    {
        JsonRead.Require(JsonRead.Ahead(reader, "index"u8, _blocks.Count) == _blocks.Count);
        var begun = false;
        while (JsonRead.NextMember(ref reader))
        {
            if (!reader.ValueTextEquals("content_block"u8))
            {
                JsonRead.Skip(ref reader);
            }
            else if (JsonRead.BeginObject(ref reader))
            {
                ReadBlock(ref reader);
                begun = true;
            }
        }

        JsonRead.Require(begun);
    }

    /// <summary>Inside the event <c>content_block_delta</c>.</summary>
    protected void ReadDelta(ref Utf8JsonReader reader)
    {
        ref var block = ref BlockAhead(reader);
        while (JsonRead.NextMember(ref reader))
        {
            if (!reader.ValueTextEquals("delta"u8))
            {
                JsonRead.Skip(ref reader);
            }
            else if (JsonRead.BeginObject(ref reader))
            {
                ReadPiece(ref reader, ref block);
            }
        }
    }

    /// <summary>Inside the event <c>content_block_stop</c>.</summary>
    protected void ReadStop(ref Utf8JsonReader reader)
    {
        Stop(ref BlockAhead(reader));
        while (JsonRead.NextMember(ref reader))
        {
            JsonRead.Skip(ref reader);
        }
    }

    /// <summary>On the name <c>content</c> of a whole message.</summary>
    protected void ReadWhole(ref Utf8JsonReader reader)
    {
        if (!JsonRead.BeginArray(ref reader))
        {
            return;
        }

        while (JsonRead.NextObject(ref reader))
        {
            ReadBlock(ref reader);
            Stop(ref CollectionsMarshal.AsSpan(_blocks)[^1]);
        }
    }

    private ref Block BlockAhead(in Utf8JsonReader reader)
    {
        var index = JsonRead.Ahead(reader, "index"u8, _blocks.Count - 1);
        JsonRead.Require(index >= 0 && index < _blocks.Count);
        return ref CollectionsMarshal.AsSpan(_blocks)[index];
    }

    private void ReadBlock(ref Utf8JsonReader reader)
    {
        JsonRead.Require(_blocks.Count < BlocksMax);
        var kind = KindOf(reader);
        _blocks.Add(new Block { Kind = kind, ToolCall = kind == BlockKind.ToolUse ? _toolCalls++ : 0 });
        ref var block = ref CollectionsMarshal.AsSpan(_blocks)[^1];
        HidesTokens |= kind is not (BlockKind.Text or BlockKind.ToolUse);
        SawContent |= kind is BlockKind.Other;
        if (kind == BlockKind.ToolUse)
        {
            ReadToolUse(ref reader, ref block);
        }
        else
        {
            ReadFields(ref reader, ref block);
        }
    }

    private static BlockKind KindOf(Utf8JsonReader reader) => !AnswerTypes.SeekType(ref reader) ? BlockKind.Other
        : reader.ValueTextEquals("text"u8) ? BlockKind.Text
        : reader.ValueTextEquals("tool_use"u8) ? BlockKind.ToolUse
        : reader.ValueTextEquals("thinking"u8) ? BlockKind.Thinking
        : reader.ValueTextEquals("redacted_thinking"u8) ? BlockKind.Redacted : BlockKind.Other;

    /// <summary>Text, thinking with its signature, or redacted thinking: usually empty here in a stream, and filled by the deltas.</summary>
    private void ReadFields(ref Utf8JsonReader reader, ref Block block)
    {
        var signature = default(Range);
        while (JsonRead.NextMember(ref reader))
        {
            if (PieceOf(block.Kind, reader) is not { } piece)
            {
                JsonRead.Skip(ref reader);
            }
            else if (piece == EventKind.ReasoningSignature)
            {
                signature = ReadString(ref reader);
            }
            else
            {
                AddText(ref reader, piece, 0, 0, ref block.Tail);
            }
        }

        // Whatever order the fields had: the proof follows what it proves.
        Emit(EventKind.ReasoningSignature, 0, signature);
    }

    /// <summary>Which event the current member's text is, in a block or in a delta of it; null for none.</summary>
    private static EventKind? PieceOf(BlockKind kind, in Utf8JsonReader reader) => kind switch
    {
        BlockKind.Text when reader.ValueTextEquals("text"u8) => EventKind.Text,
        BlockKind.Thinking when reader.ValueTextEquals("thinking"u8) => EventKind.Reasoning,
        BlockKind.Thinking when reader.ValueTextEquals("signature"u8) => EventKind.ReasoningSignature,
        BlockKind.Redacted when reader.ValueTextEquals("data"u8) => EventKind.RedactedReasoning,
        BlockKind.ToolUse when reader.ValueTextEquals("partial_json"u8) => EventKind.ToolCallArguments,
        _ => null,
    };

    private void ReadToolUse(ref Utf8JsonReader reader, ref Block block)
    {
        Range id = default, name = default, input = default;
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("id"u8))
            {
                id = ReadString(ref reader);
            }
            else if (reader.ValueTextEquals("name"u8))
            {
                name = ReadString(ref reader);
            }
            else if (reader.ValueTextEquals("input"u8))
            {
                input = ReadInput(ref reader);
            }
            else
            {
                JsonRead.Skip(ref reader);
            }
        }

        // A call without an id could not be answered, one without a name not be made.
        JsonRead.Require(LengthOf(id) > 0 && LengthOf(name) > 0);
        ContentBytes += LengthOf(name);
        Add(new ModelEvent { Kind = EventKind.ToolCallStart, Index = block.ToolCall }, name, id);
        block.HasArguments = LengthOf(input) > 0;
        Emit(EventKind.ToolCallArguments, block.ToolCall, input);
    }

    /// <summary>The arguments; nothing for an object without members, which a stream begins with.</summary>
    private Range ReadInput(ref Utf8JsonReader reader)
    {
        if (!JsonRead.BeginObject(ref reader))
        {
            return default;
        }

        var from = Bytes.Length;
        JsonRead.Copy(ref reader, Bytes);
        JsonRead.Require(Utf8.IsValid(Bytes.Span[from..]));
        if (Bytes.Length - from == "{}".Length)
        {
            Bytes.Truncate(from);
        }

        return from..Bytes.Length;
    }

    private void ReadPiece(ref Utf8JsonReader reader, ref Block block)
    {
        while (JsonRead.NextMember(ref reader))
        {
            if (PieceOf(block.Kind, reader) is not { } kind)
            {
                JsonRead.Skip(ref reader);
                continue;
            }

            var before = ContentBytes;
            AddText(ref reader, kind, 0, block.ToolCall, ref block.Tail);
            block.HasArguments |= ContentBytes > before;
        }
    }

    /// <summary>A tool that takes no arguments is called with none: callers expect an object all the same.</summary>
    private void Stop(ref Block block)
    {
        if (block.Kind != BlockKind.ToolUse || block.HasArguments)
        {
            return;
        }

        block.HasArguments = true;
        var from = Bytes.Length;
        Bytes.Write("{}"u8);
        Emit(EventKind.ToolCallArguments, block.ToolCall, from..Bytes.Length);
    }

    private void Emit(EventKind kind, int index, Range text)
    {
        if (LengthOf(text) > 0)
        {
            ContentBytes += LengthOf(text);
            Add(new ModelEvent { Kind = kind, Index = index }, text);
        }
    }

    private static int LengthOf(Range range) => range.End.Value - range.Start.Value;

    private enum BlockKind : byte
    {
        Text,
        Thinking,
        Redacted,
        ToolUse,
        Other,
    }

    private struct Block
    {
        public BlockKind Kind;
        public int ToolCall;
        public bool HasArguments;
        public Utf8Tail Tail;
    }
}
