using System.Buffers;
using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>An answer that is held back until it is whole and valid (commit policy <c>complete</c>). Events are copied: theirs end with the write.</summary>
internal sealed class HeldAnswer
{
    /// <summary>The longest answers of models are 128 Ki tokens, about 600 KB of text.</summary>
    public const int BytesMax = 4 * 1024 * 1024;

    private readonly ArrayBufferWriter<byte> _bytes = new(4096);
    private readonly ArrayBufferWriter<byte> _text = new(4096);
    private readonly List<Piece> _pieces = [];

    public int Count => _pieces.Count;

    /// <returns>False when the answer is longer than <see cref="BytesMax"/>.</returns>
    public bool TryAdd(in ModelEvent item)
    {
        if (_bytes.WrittenCount + item.Utf8.Length + item.ToolCallId.Length > BytesMax)
        {
            return false;
        }

        var text = Keep(item.Utf8.Span);
        var id = Keep(item.ToolCallId.Span);
        _pieces.Add(new Piece(item with { Utf8 = default, ToolCallId = default, Tokens = default }, text, id));
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

    /// <summary>Every choice's text is one JSON value (an object where one was asked for).</summary>
    public bool IsJson(int choices, bool objectOnly)
    {
        for (var choice = 0; choice < choices; choice++)
        {
            if (!IsJson(TextOf(choice), objectOnly))
            {
                return false;
            }
        }

        return true;
    }

    public void Reset()
    {
        _bytes.ResetWrittenCount();
        _text.ResetWrittenCount();
        _pieces.Clear();
    }

    private static bool IsJson(ReadOnlySpan<byte> text, bool objectOnly)
    {
        var reader = new Utf8JsonReader(text);
        try
        {
            if (!reader.Read() || (objectOnly && reader.TokenType != JsonTokenType.StartObject))
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

    private ReadOnlySpan<byte> TextOf(int choice)
    {
        _text.ResetWrittenCount();
        for (var i = 0; i < _pieces.Count; i++)
        {
            if (_pieces[i].Item.Kind == EventKind.Text && _pieces[i].Item.Choice == choice)
            {
                _text.Write(_bytes.WrittenSpan[_pieces[i].Text]);
            }
        }

        return _text.WrittenSpan;
    }

    private Range Keep(ReadOnlySpan<byte> bytes)
    {
        var start = _bytes.WrittenCount;
        _bytes.Write(bytes);
        return start.._bytes.WrittenCount;
    }

    private readonly record struct Piece(ModelEvent Item, Range Text, Range Id);
}
