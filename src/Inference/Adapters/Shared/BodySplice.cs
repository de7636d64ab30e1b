using System.Text.Json;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>
/// Copies a JSON object byte for byte but for members of its first level that are replaced or dropped. Blanks, order, escapes and numbers stay as they were
/// written. Throws <see cref="JsonException"/> where the object is broken.
/// </summary>
internal ref struct BodySplice
{
    private readonly ReadOnlySpan<byte> _source;
    private readonly PooledBuffer _output;
    private Utf8JsonReader _reader;
    private Utf8JsonReader _name;
    private int _copied;
    private int _keptEnd;
    private int _valueStart;
    private int _valueEnd;
    private bool _anyKept;
    private bool _dropped;

    public BodySplice(ReadOnlySpan<byte> source, PooledBuffer output)
    {
        _source = source;
        _output = output;
        _reader = new Utf8JsonReader(source);
        if (!_reader.Read() || _reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("it must be an object");
        }

        _keptEnd = (int)_reader.BytesConsumed;
        _dropped = true;
    }

    /// <summary>The member's value as it was written.</summary>
    public readonly ReadOnlySpan<byte> Value => _source[_valueStart.._valueEnd];

    public bool NextMember()
    {
        if (!_dropped)
        {
            _anyKept = true;
            _keptEnd = _valueEnd;
        }

        if (!_reader.Read() || _reader.TokenType != JsonTokenType.PropertyName)
        {
            return false;
        }

        if (_dropped && !_anyKept && _copied > 0)
        {
            // The comma after a dropped first member goes with it.
            _copied = (int)_reader.TokenStartIndex;
        }

        _dropped = false;
        _name = _reader;
        _reader.Read();
        _valueStart = (int)_reader.TokenStartIndex;
        _reader.Skip();
        _valueEnd = (int)_reader.BytesConsumed;
        return true;
    }

    /// <summary>The member's name, whatever escapes it was written with.</summary>
    public readonly bool NameIs(ReadOnlySpan<byte> name) => _name.ValueTextEquals(name);

    /// <summary>The value becomes these bytes, one after the other.</summary>
    public void Replace(ReadOnlySpan<byte> value, ReadOnlySpan<byte> then = default, ReadOnlySpan<byte> last = default)
    {
        _output.Write(_source[_copied.._valueStart]);
        _output.Write(value);
        _output.Write(then);
        _output.Write(last);
        _copied = _valueEnd;
    }

    /// <summary>The value becomes a string.</summary>
    public void ReplaceWithText(ReadOnlySpan<byte> text)
    {
        _output.Write(_source[_copied.._valueStart]);
        _output.Write((byte)'"');
        WriteEscaped(text, _output);
        _output.Write((byte)'"');
        _copied = _valueEnd;
    }

    /// <summary>Leaves the member out, with a comma that parted it from its neighbours.</summary>
    public void Drop()
    {
        if (_keptEnd > _copied)
        {
            _output.Write(_source[_copied.._keptEnd]);
        }

        _copied = _valueEnd;
        _dropped = true;
    }

    /// <summary>Copies the rest, with more members before the closing brace; each begins with a comma or is empty.</summary>
    public readonly void End(ReadOnlySpan<byte> member, ReadOnlySpan<byte> another = default)
    {
        var brace = (int)_reader.TokenStartIndex;
        if (brace > _copied)
        {
            _output.Write(_source[_copied..brace]);
        }

        _output.Write(_anyKept ? member : member.TrimStart((byte)','));
        _output.Write(_anyKept || !member.IsEmpty ? another : another.TrimStart((byte)','));
        _output.Write((byte)'}');
    }

    // A model's name is plain text of our own configuration: quotes and backslashes are rare, and control characters not allowed in it.
    private static void WriteEscaped(ReadOnlySpan<byte> text, PooledBuffer output)
    {
        foreach (var value in text)
        {
            if (value is (byte)'"' or (byte)'\\')
            {
                output.Write((byte)'\\');
            }

            output.Write(value);
        }
    }
}
