using System.Text;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// GPT-2's alphabet: each byte is written as one printable character in vocabulary files (<c>bytes_to_unicode</c> of the published encoder).
/// Printable Latin-1 stands for itself; the other 68 bytes take U+0100 onwards in ascending order.
/// </summary>
internal static class Gpt2Alphabet
{
    private const int CharCount = 0x144;
    private static readonly short[] ByteOfChar = Build();

    /// <summary>The bytes that a vocabulary entry stands for; a character outside the alphabet stands for its own UTF-8. Returns the length.</summary>
    public static int Decode(ReadOnlySpan<byte> entry, Span<byte> bytes)
    {
        var used = 0;
        while (!entry.IsEmpty)
        {
            _ = Rune.DecodeFromUtf8(entry, out var rune, out var length);
            if (rune.Value < CharCount && ByteOfChar[rune.Value] >= 0)
            {
                bytes[used++] = (byte)ByteOfChar[rune.Value];
            }
            else
            {
                entry[..length].CopyTo(bytes[used..]);
                used += length;
            }

            entry = entry[length..];
        }

        return used;
    }

    /// <summary>Whether every character is one of the alphabet: an entry with others was added by hand, and no merging leads to it.</summary>
    public static bool IsSpelled(ReadOnlySpan<byte> entry)
    {
        while (!entry.IsEmpty)
        {
            _ = Rune.DecodeFromUtf8(entry, out var rune, out var length);
            if (rune.Value >= CharCount || ByteOfChar[rune.Value] < 0)
            {
                return false;
            }

            entry = entry[length..];
        }

        return true;
    }

    private static bool IsItself(int value) => value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);

    private static short[] Build()
    {
        var bytes = new short[CharCount];
        Array.Fill(bytes, (short)-1);
        var next = 0x100;
        for (var value = 0; value < 256; value++)
        {
            bytes[IsItself(value) ? value : next++] = (short)value;
        }

        return bytes;
    }
}
