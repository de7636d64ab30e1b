using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// SentencePiece's <c>precompiled_charsmap</c>: which characters a text's normalisation writes for which. Four bytes with the size of a double array
/// (Kanda's XOR-compressed form, darts-clone's units), the array, then the replacements, each ended by a zero. An index that leads outside matches nothing.
/// </summary>
internal sealed class CharacterMap
{
    private readonly uint[] _units;
    private readonly byte[] _replacements;

    private CharacterMap(uint[] units, byte[] replacements) => (_units, _replacements) = (units, replacements);

    /// <summary>Null when the bytes are not of this form.</summary>
    public static CharacterMap? TryRead(ReadOnlySpan<byte> blob)
    {
        if (blob.Length < 4 || BinaryPrimitives.ReadUInt32LittleEndian(blob) is var size && (size % 4 != 0 || size > blob.Length - 4))
        {
            return null;
        }

        var units = new uint[size / 4];
        for (var i = 0; i < units.Length; i++)
        {
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(blob[(4 + (i * 4))..]);
        }

        var replacements = blob[(4 + (int)size)..].ToArray();
        return replacements.Length > 0 && replacements[^1] != 0 ? null : new CharacterMap(units, replacements);
    }

    /// <summary>What stands for the text's beginning: the longest mapped one's replacement, else its first character; U+FFFD for a byte that is no UTF-8.</summary>
    public static ReadOnlySpan<byte> First(CharacterMap? map, ReadOnlySpan<byte> text, out int consumed)
    {
        if (map is not null && map.TryMatch(text, out consumed, out var replacement))
        {
            return replacement;
        }

        if (Rune.DecodeFromUtf8(text, out _, out consumed) == OperationStatus.Done)
        {
            return text[..consumed];
        }

        consumed = 1;
        return "\uFFFD"u8;
    }

    /// <summary>A unit: bits 10 to 30 the base (times 256 where bit 9 is set), bit 8 whether a value hangs below, bits 0 to 7 and 31 the label; a value has bit 31.</summary>
    private bool TryMatch(ReadOnlySpan<byte> text, out int length, out ReadOnlySpan<byte> replacement)
    {
        length = 0;
        replacement = default;
        if (_units.Length == 0)
        {
            return false;
        }

        var node = BaseOf(_units[0]);
        for (var i = 0; i < text.Length && text[i] != 0; i++)
        {
            node ^= text[i];
            if (node >= _units.Length || (_units[node] & 0x8000_00FF) != text[i])
            {
                break;
            }

            var unit = _units[node];
            node ^= BaseOf(unit);
            if ((unit & 0x100) != 0 && node < _units.Length && (_units[node] & 0x7FFF_FFFF) is var at && at < _replacements.Length)
            {
                length = i + 1;
                replacement = _replacements.AsSpan((int)at);
                replacement = replacement[..replacement.IndexOf((byte)0)];
            }
        }

        return length > 0;
    }

    private static uint BaseOf(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}
