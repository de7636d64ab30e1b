using System.Buffers;

namespace Jesus.Appliance.Security.Redaction;

/// <summary>Puts the values back into one stream of text, whatever its chunks: what may be the beginning of a placeholder is held until it is told.</summary>
public sealed class PlaceholderRestorer(Placeholders placeholders)
{
    private readonly byte[] _held = new byte[Placeholders.LengthMax];
    private int _heldLength;

    /// <summary>Bytes held back now.</summary>
    public int Held => _heldLength;

    public void Restore(ReadOnlySpan<byte> chunk, IBufferWriter<byte> output)
    {
        if (_heldLength == 0)
        {
            Walk(chunk, output);
            return;
        }

        // Held bytes are few, so joining them with the chunk copies little more than the chunk.
        var joined = ArrayPool<byte>.Shared.Rent(_heldLength + chunk.Length);
        _held.AsSpan(0, _heldLength).CopyTo(joined);
        chunk.CopyTo(joined.AsSpan(_heldLength));
        var length = _heldLength + chunk.Length;
        _heldLength = 0;
        Walk(joined.AsSpan(0, length), output);
        ArrayPool<byte>.Shared.Return(joined);
    }

    /// <summary>The stream is over: what was held is text.</summary>
    public void Flush(IBufferWriter<byte> output)
    {
        output.Write(_held.AsSpan(0, _heldLength));
        _heldLength = 0;
    }

    private void Walk(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        while (text.IndexOf((byte)'[') is >= 0 and var bracket)
        {
            output.Write(text[..bracket]);
            text = text[bracket..];
            var length = placeholders.Match(text, out var value);
            if (length < 0)
            {
                text.CopyTo(_held);
                _heldLength = text.Length;
                return;
            }

            output.Write(length == 0 ? text[..1] : value);
            text = text[Math.Max(1, length)..];
        }

        output.Write(text);
    }
}
