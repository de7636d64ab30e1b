using System.Text;
using System.Text.Unicode;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>
/// Joins one text that comes in pieces of JSON strings: unescapes each, and holds back a character whose other half is in the next piece (bytes of UTF-8, or
/// the second of a pair of <c>\u</c> escapes).
/// </summary>
internal struct Utf8Tail
{
    private const int CharacterBytesMax = 4;

    private uint _bytes;
    private int _count;
    private char _highSurrogate;

    /// <summary>Writes the whole characters of held bytes and the piece.</summary>
    /// <param name="raw">Between the quotes, as in the JSON.</param>
    public void Append(ReadOnlySpan<byte> raw, PooledBuffer output)
    {
        var start = output.Length;
        for (var i = 0; i < _count; i++)
        {
            output.Write((byte)(_bytes >> (8 * i)));
        }

        _count = 0;
        Unescape(raw, output);
        HoldIncomplete(start, output);
        if (!Utf8.IsValid(output.Span[start..]))
        {
            Repair(start, output);
        }
    }

    private void Unescape(ReadOnlySpan<byte> raw, PooledBuffer output)
    {
        while (!raw.IsEmpty)
        {
            var escape = raw.IndexOf((byte)'\\');
            var plain = escape < 0 ? raw : raw[..escape];
            if (!plain.IsEmpty)
            {
                DropSurrogate(output);
                output.Write(plain);
            }

            if (escape < 0)
            {
                return;
            }

            raw = raw[escape..];
            raw = raw[1] == 'u' ? UnescapeUnit(raw, output) : UnescapeOne(raw, output);
        }
    }

    private ReadOnlySpan<byte> UnescapeOne(ReadOnlySpan<byte> raw, PooledBuffer output)
    {
        DropSurrogate(output);
        output.Write(raw[1] switch
        {
            (byte)'n' => (byte)'\n',
            (byte)'t' => (byte)'\t',
            (byte)'r' => (byte)'\r',
            (byte)'b' => (byte)'\b',
            (byte)'f' => (byte)'\f',
            var other => other,
        });
        return raw[2..];
    }

    private ReadOnlySpan<byte> UnescapeUnit(ReadOnlySpan<byte> raw, PooledBuffer output)
    {
        _ = System.Buffers.Text.Utf8Parser.TryParse(raw.Slice(2, 4), out ushort unit, out _, 'x');
        var letter = (char)unit;
        if (char.IsLowSurrogate(letter) && _highSurrogate != 0)
        {
            WriteRune(new Rune(_highSurrogate, letter), output);
            _highSurrogate = '\0';
            return raw[6..];
        }

        DropSurrogate(output);
        if (char.IsHighSurrogate(letter))
        {
            _highSurrogate = letter;
        }
        else
        {
            WriteRune(Rune.TryCreate(letter, out var rune) ? rune : Rune.ReplacementChar, output);
        }

        return raw[6..];
    }

    /// <summary>A first half without its second.</summary>
    private void DropSurrogate(PooledBuffer output)
    {
        if (_highSurrogate != 0)
        {
            _highSurrogate = '\0';
            WriteRune(Rune.ReplacementChar, output);
        }
    }

    private void HoldIncomplete(int start, PooledBuffer output)
    {
        var text = output.Span[start..];
        for (var back = 1; back < CharacterBytesMax && back <= text.Length; back++)
        {
            var lead = text[^back];
            if ((lead & 0xC0) == 0x80)
            {
                continue;
            }

            var length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
            if (length > back)
            {
                Hold(text[^back..]);
                output.Truncate(output.Length - back);
            }

            return;
        }
    }

    private void Hold(ReadOnlySpan<byte> bytes)
    {
        _bytes = 0;
        _count = bytes.Length;
        for (var i = 0; i < bytes.Length; i++)
        {
            _bytes |= (uint)bytes[i] << (8 * i);
        }
    }

    private static void Repair(int start, PooledBuffer output)
    {
        var repaired = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(output.Span[start..]));
        output.Truncate(start);
        output.Write(repaired);
    }

    private static void WriteRune(Rune rune, PooledBuffer output) => output.Advance(rune.EncodeToUtf8(output.GetSpan(CharacterBytesMax)));
}
