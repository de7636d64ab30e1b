namespace Jesus.Inference.Engine.Constraints.Automata;

/// <summary>Ranges of characters as sequences of byte ranges: a text is of the set exactly when one sequence takes its bytes (RFC 3629, section 4).</summary>
internal static class Utf8Ranges
{
    public static List<(byte Low, byte High)[]> Of(CharSet set)
    {
        var sequences = new List<(byte Low, byte High)[]>();
        foreach (var (low, high) in set.Ranges)
        {
            foreach (var (first, last) in ((int, int)[])[(0, 0x7F), (0x80, 0x7FF), (0x800, 0xFFFF), (0x10000, 0x10FFFF)])
            {
                if (low <= last && high >= first)
                {
                    Split(sequences, Math.Max(low, first), Math.Min(high, last));
                }
            }
        }

        return sequences;
    }

    /// <summary>Cuts a range of equally long characters so that in each part every continuation byte but those of a common beginning runs freely.</summary>
    private static void Split(List<(byte Low, byte High)[]> sequences, int low, int high)
    {
        var length = low < 0x80 ? 1 : low < 0x800 ? 2 : low < 0x10000 ? 3 : 4;
        for (var free = length - 1; free > 0; free--)
        {
            var mask = (1 << (6 * free)) - 1;
            if ((low & ~mask) == (high & ~mask))
            {
                continue;
            }

            if ((low & mask) != 0)
            {
                Split(sequences, low, low | mask);
                Split(sequences, (low | mask) + 1, high);
                return;
            }

            if ((high & mask) != mask)
            {
                Split(sequences, low, (high & ~mask) - 1);
                Split(sequences, high & ~mask, high);
                return;
            }
        }

        var sequence = new (byte Low, byte High)[length];
        for (var i = 0; i < length; i++)
        {
            sequence[i] = (ByteAt(low, i, length), ByteAt(high, i, length));
        }

        sequences.Add(sequence);
    }

    private static byte ByteAt(int character, int index, int length)
    {
        if (index > 0)
        {
            return (byte)(0x80 | ((character >> (6 * (length - 1 - index))) & 0x3F));
        }

        return (byte)(length switch
        {
            1 => character,
            2 => 0xC0 | (character >> 6),
            3 => 0xE0 | (character >> 12),
            _ => 0xF0 | (character >> 18),
        });
    }
}
