namespace Jesus.Inference.Engine.Constraints.Automata;

/// <summary>A set of Unicode scalar values, as ranges in order that neither touch nor overlap. Immutable.</summary>
internal sealed class CharSet
{
    private const int Last = 0x10FFFF;
    private const int SurrogateFirst = 0xD800, SurrogateLast = 0xDFFF;

    private CharSet(List<(int Low, int High)> ranges) => Ranges = ranges;

    /// <summary>Every character; surrogates are none.</summary>
    public static CharSet All { get; } = Of((0, Last));

    /// <summary>What a dot stands for (ECMA-262): all but line terminators.</summary>
    public static CharSet Dot { get; } = Of(('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)).Complement();

    public static CharSet Digits { get; } = Of(('0', '9'));

    public static CharSet Word { get; } = Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'));

    /// <summary>White space and line terminators of ECMA-262, section 12.2.</summary>
    public static CharSet Space { get; } = Of(
        ('\t', '\r'), (' ', ' '), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF));

    /// <summary>Characters that stand in a JSON string as they are and end no line: no control, quote or backslash, no U+2028 or U+2029.</summary>
    public static CharSet Clean { get; } = Of((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x2027), (0x202A, Last));

    public IReadOnlyList<(int Low, int High)> Ranges { get; }

    public bool IsEmpty => Ranges.Count == 0;

    public static CharSet Of(params ReadOnlySpan<(int Low, int High)> ranges) => From([.. ranges]);

    public static CharSet From(List<(int Low, int High)> ranges)
    {
        ranges.Sort();
        var merged = new List<(int Low, int High)>();
        foreach (var (low, high) in ranges)
        {
            if (merged.Count > 0 && low <= merged[^1].High + 1)
            {
                merged[^1] = (merged[^1].Low, Math.Max(merged[^1].High, high));
            }
            else
            {
                merged.Add((low, high));
            }
        }

        return new CharSet(WithoutSurrogates(merged));
    }

    public bool Contains(CharSet other) => other.Ranges.All(range => Ranges.Any(own => own.Low <= range.Low && range.High <= own.High));

    public CharSet Union(CharSet other) => From([.. Ranges, .. other.Ranges]);

    public CharSet Complement()
    {
        var rest = new List<(int Low, int High)>();
        var next = 0;
        foreach (var (low, high) in Ranges)
        {
            if (low > next)
            {
                rest.Add((next, low - 1));
            }

            next = high + 1;
        }

        if (next <= Last)
        {
            rest.Add((next, Last));
        }

        return From(rest);
    }

    private static List<(int Low, int High)> WithoutSurrogates(List<(int Low, int High)> ranges)
    {
        var kept = new List<(int Low, int High)>();
        foreach (var (low, high) in ranges)
        {
            if (low < SurrogateFirst)
            {
                kept.Add((low, Math.Min(high, SurrogateFirst - 1)));
            }

            if (high > SurrogateLast)
            {
                kept.Add((Math.Max(low, SurrogateLast + 1), high));
            }
        }

        return kept;
    }
}
