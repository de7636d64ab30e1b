using System.Text;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// Characters apart into base letters, their nonspacing marks dropped. The runtime's own normalisation does nothing in the invariant mode that the daemon is
/// built for, hence a table.
/// </summary>
internal static partial class Decompositions
{
    private const int HangulFirst = 0xAC00;
    private const int HangulCount = 11172;
    private static readonly Dictionary<int, Parts> Known = Read();

    /// <summary>One to three characters; 0 behind the last.</summary>
    [System.Runtime.CompilerServices.InlineArray(3)]
    public struct Parts
    {
        private int _first;
    }

    /// <summary>False for a character that stands for itself.</summary>
    public static bool TryGet(Rune rune, out Parts parts)
    {
        parts = default;
        if (rune.Value < 0xC0)
        {
            return false;
        }

        var syllable = rune.Value - HangulFirst;
        if (syllable is < 0 or >= HangulCount)
        {
            return Known.TryGetValue(rune.Value, out parts);
        }

        // The Unicode Standard, 3.12: 19 leading consonants, 21 vowels, 27 trailing consonants or none.
        parts[0] = 0x1100 + (syllable / 588);
        parts[1] = 0x1161 + (syllable % 588 / 28);
        parts[2] = syllable % 28 == 0 ? 0 : 0x11A7 + (syllable % 28);
        return true;
    }

    private static Dictionary<int, Parts> Read()
    {
        var known = new Dictionary<int, Parts>();
        foreach (var entry in Table.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var runes = entry.EnumerateRunes();
            _ = runes.MoveNext();
            var from = runes.Current.Value;
            var parts = default(Parts);
            for (var i = 0; runes.MoveNext(); i++)
            {
                parts[i] = runes.Current.Value;
            }

            known.Add(from, parts);
        }

        return known;
    }
}
