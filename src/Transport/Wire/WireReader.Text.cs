using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using Jesus.Transport.Buffers;

namespace Jesus.Transport.Wire;

/// <summary>Text; see the writer for its two forms.</summary>
public ref partial struct WireReader
{
    /// <summary>UTF-8 text, checked; empty when it is null. Text in the UTF-16 form is refused.</summary>
    public ReadOnlySpan<byte> ReadUtf8(string field)
    {
        var length = ReadUtf8Header(field);
        var text = _bytes.Slice(_position, length);
        _position += length;
        return text;
    }

    /// <summary>The same as a slice of the memory that the reader was made over.</summary>
    public Utf8Slice ReadText(string field)
    {
        var length = ReadUtf8Header(field);
        if (length == 0)
        {
            return default;
        }

        var text = _memory.Slice(_position, length);
        _position += length;
        return new Utf8Slice(text);
    }

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

    /// <summary>Reads what stands before UTF-8 text, and checks the text, at which it leaves the reader.</summary>
    /// <returns>The text's bytes; 0 when there are none or they are refused.</returns>
    private int ReadUtf8Header(string field)
    {
        var left = _end - _position - WireWriter.TextHeaderBytes;
        if (left > 0)
        {
            var length = ~MemoryMarshal.Read<int>(_bytes[_position..]);
            if (length > 0 && length <= left && IsValid(_bytes.Slice(_position + WireWriter.TextHeaderBytes, length)))
            {
                _position += WireWriter.TextHeaderBytes;
                return length;
            }
        }

        return ReadOtherHeader(field);
    }

    /// <summary>The same of empty text, null and all that is refused.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int ReadOtherHeader(string field)
    {
        var at = _position;
        var header = Read<int>(field);
        if (header > 0)
        {
            Fail(WireFault.Utf16Text, field, at, header);
        }
        else if (header < WireCode.NullCollection)
        {
            _ = TryTakeUtf8(field, at, ~header, out _);
        }

        return 0;
    }

    /// <summary>Most texts are short and ASCII: names, ids, words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsValid(ReadOnlySpan<byte> text)
    {
        const ulong HighBits = 0x8080808080808080;
        if (text.Length is < sizeof(ulong) or > 2 * sizeof(ulong))
        {
            return Utf8.IsValid(text);
        }

        var ends = MemoryMarshal.Read<ulong>(text) | MemoryMarshal.Read<ulong>(text[^sizeof(ulong)..]);
        return (ends & HighBits) == 0 || Utf8.IsValid(text);
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

        if (!IsValid(_bytes.Slice(_position, length)))
        {
            Fail(WireFault.InvalidText, field, at, length);
            return false;
        }

        _position += length;
        return true;
    }
}
