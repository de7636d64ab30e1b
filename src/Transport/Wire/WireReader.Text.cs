using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using Jesus.Transport.Buffers;

namespace Jesus.Transport.Wire;

/// <summary>Text; see the writer for its two forms.</summary>
public ref partial struct WireReader
{
    /// <summary>UTF-8 text, checked; empty when it is null. Text in the UTF-16 form is refused.</summary>
    public ReadOnlySpan<byte> ReadUtf8(string field) => TryReadUtf8(field, out var at, out var length) ? _bytes.Slice(at, length) : default;

    /// <summary>The same as a slice of the memory that the reader was made over.</summary>
    public Utf8Slice ReadText(string field) => TryReadUtf8(field, out var at, out var length) ? new Utf8Slice(_memory.Slice(at, length)) : default;

    /// <summary>Text of either form as a new string: for the edges. Null when it is null.</summary>
    public string? ReadString(string field)
    {
        var at = _position;
        var length = Read<int>(field);
        if (length is 0 or WireCode.NullCollection)
        {
            return length == 0 && !Failed ? "" : null;
        }

        return length > 0 ? ReadUtf16(field, at, length) : ReadUtf8String(field, at, ~length);
    }

    private string? ReadUtf16(string field, int at, int units)
    {
        if (units > (_end - _position) / sizeof(char))
        {
            Fail(WireFault.LengthTooLarge, field, at, units);
            return null;
        }

        _ = TryTake(units * sizeof(char), field, out var bytes);
        return string.Create(units, bytes, static (to, from) => from.CopyTo(MemoryMarshal.AsBytes(to)));
    }

    private string? ReadUtf8String(string field, int at, int length)
    {
        if (!TryTakeUtf8(field, at, length, out var units))
        {
            return null;
        }

        var text = Encoding.UTF8.GetString(_bytes.Slice(_position - length, length));
        if (units > 0 && units != text.Length)
        {
            Fail(WireFault.InvalidText, field, at, units);
            return null;
        }

        return text;
    }

    private bool TryReadUtf8(string field, out int start, out int length)
    {
        start = 0;
        length = 0;
        var at = _position;
        var header = Read<int>(field);
        if (header >= WireCode.NullCollection)
        {
            if (header > 0)
            {
                Fail(WireFault.Utf16Text, field, at, header);
            }

            return false;
        }

        length = ~header;
        start = at + WireWriter.TextHeaderBytes;
        return TryTakeUtf8(field, at, length, out _);
    }

    /// <summary>Takes the rest of UTF-8 text behind its first 32 bits: the length in UTF-16 units and the bytes, which are checked.</summary>
    private bool TryTakeUtf8(string field, int at, int length, out int units)
    {
        units = Read<int>(field);
        if (length > _end - _position)
        {
            Fail(WireFault.LengthTooLarge, field, at, length);
            return false;
        }

        if (!Utf8.IsValid(_bytes.Slice(_position, length)))
        {
            Fail(WireFault.InvalidText, field, at, length);
            return false;
        }

        _position += length;
        return true;
    }
}
