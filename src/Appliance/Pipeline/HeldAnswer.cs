using System.Buffers;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>
/// Events that are held back: an answer until it is whole and valid (commit policy <c>complete</c>), what comes before its first content, its end until
/// step 9. They are copied, since their memory ends with the write.
/// </summary>
internal sealed class HeldAnswer
{
    /// <summary>The longest answers of models are 128 Ki tokens, about 600 KB of text.</summary>
    public const int BytesMax = 4 * 1024 * 1024;

    /// <summary>A provider's event wraps its few letters in about 200 bytes of JSON; eight times the text holds such an answer of ordinary pieces.</summary>
    private const int WireBytesMax = 8 * BytesMax;

    private readonly ArrayBufferWriter<byte> _bytes = new(4096);
    private readonly ArrayBufferWriter<byte> _text = new(4096);
    private readonly List<Piece> _pieces = [];
    private int _wireBytes;

    public int Count => _pieces.Count;

    /// <returns>False when the answer is longer than <see cref="BytesMax"/>.</returns>
    public bool TryAdd(in ModelEvent item)
    {
        var isWire = item.Kind == EventKind.Wire;
        var bytes = item.Utf8.Length + item.ToolCallId.Length;
        if (isWire ? _wireBytes + bytes > WireBytesMax : _bytes.WrittenCount - _wireBytes + bytes > BytesMax)
        {
            return false;
        }

        _wireBytes += isWire ? bytes : 0;
        var text = Keep(item.Utf8.Span);
        var id = Keep(item.ToolCallId.Span);
        var kept = item with { Utf8 = default, ToolCallId = default, Tokens = Copy(item.Tokens), LogProbs = Copy(item.LogProbs), Vector = Copy(item.Vector) };
        _pieces.Add(new Piece(kept, text, id));
        return true;
    }

    public ModelEvent this[int index]
    {
        get
        {
            var piece = _pieces[index];
            return piece.Item with { Utf8 = _bytes.WrittenMemory[piece.Text], ToolCallId = _bytes.WrittenMemory[piece.Id] };
        }
    }

    /// <summary>Why the first choice that ended here ended.</summary>
    public FinishReason FirstReason
    {
        get
        {
            foreach (var piece in _pieces)
            {
                if (piece.Item.Kind == EventKind.Finished)
                {
                    return piece.Item.Reason;
                }
            }

            return FinishReason.None;
        }
    }

    /// <summary>A choice ended here for that reason; <see cref="FinishReason.None"/> stands for any.</summary>
    public bool Ends(FinishReason reason)
    {
        foreach (var piece in _pieces)
        {
            if (piece.Item.Kind == EventKind.Finished && (reason == FinishReason.None || piece.Item.Reason == reason))
            {
                return true;
            }
        }

        return false;
    }

    public void Reset()
    {
        _bytes.ResetWrittenCount();
        _text.ResetWrittenCount();
        _pieces.Clear();
        _wireBytes = 0;
    }

    /// <summary>The text of a choice; valid until the next is asked for.</summary>
    public ReadOnlyMemory<byte> TextOf(int choice)
    {
        _text.ResetWrittenCount();
        for (var i = 0; i < _pieces.Count; i++)
        {
            if (_pieces[i].Item.Kind == EventKind.Text && _pieces[i].Item.Choice == choice)
            {
                _text.Write(_bytes.WrittenSpan[_pieces[i].Text]);
            }
        }

        return _text.WrittenMemory;
    }

    private static TokenSpan Copy(in TokenSpan tokens) =>
        tokens.Ids.IsEmpty && tokens.LogProbs.IsEmpty ? default : new TokenSpan(tokens.Ids.ToArray(), tokens.LogProbs.ToArray());

    private static ReadOnlyMemory<float> Copy(ReadOnlyMemory<float> vector) => vector.IsEmpty ? default : vector.ToArray();

    private static ReadOnlyMemory<TokenLogProb> Copy(ReadOnlyMemory<TokenLogProb> tokens)
    {
        if (tokens.IsEmpty)
        {
            return default;
        }

        var copies = tokens.ToArray();
        for (var i = 0; i < copies.Length; i++)
        {
            copies[i] = copies[i] with { Text = copies[i].Text.ToArray() };
        }

        return copies;
    }

    private Range Keep(ReadOnlySpan<byte> bytes)
    {
        var start = _bytes.WrittenCount;
        _bytes.Write(bytes);
        return start.._bytes.WrittenCount;
    }

    private readonly record struct Piece(ModelEvent Item, Range Text, Range Id);
}
