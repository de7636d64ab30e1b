namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// DeepSeek's first sequence of patterns, each cutting the pieces that the ones before made. LLM: <c>[\r\n]</c>, <c>\s?</c> and cased letters (an explicit list),
/// <c>\s?</c> and punctuation (an explicit list), <c>\s+$</c>, <c>[一-龥ࠀ-一가-퟿]+</c>, <c>\p{N}+</c>. Coder: <c>[\r\n]</c>, <c>\s?\p{L}+</c>, <c>\s?\p{P}+</c>,
/// <c>[一-龥ࠀ-一가-퟿]+</c>, <c>\p{N}</c>. What none of them takes stays as it is.
/// </summary>
internal sealed class DeepSeekPreTokenizer : PreTokenizer
{
    /// <summary>Pairs of first and last code point: the letters of DeepSeek LLM's second pattern.</summary>
    private static readonly int[] CasedLetters =
    [
        'A', 'Z', 'a', 'z', 0xB5, 0xB5, 0xC0, 0xD6, 0xD8, 0xF6, 0xF8, 0x1BA, 0x1BC, 0x1BF, 0x1C4, 0x293, 0x295, 0x2AF, 0x370, 0x373, 0x376, 0x377, 0x37B, 0x37D,
        0x37F, 0x37F, 0x386, 0x386, 0x388, 0x38A, 0x38C, 0x38C, 0x38E, 0x3A1, 0x3A3, 0x3F5, 0x3F7, 0x481, 0x48A, 0x52F, 0x531, 0x556, 0x10A0, 0x10C5,
        0x13A0, 0x13F5, 0x13F8, 0x13FD, 0x1C90, 0x1CBA, 0x1CBD, 0x1CBF, 0x1D00, 0x1D2B, 0x1D6B, 0x1D77, 0x1D79, 0x1D9A, 0x1E00, 0x1F15, 0x1F18, 0x1F1D,
        0x1F20, 0x1F45, 0x1F48, 0x1F4D, 0x1F50, 0x1F57, 0x1F59, 0x1F59, 0x1F5B, 0x1F5B, 0x1F5D, 0x1F5D, 0x1F5F, 0x1F7D, 0x1F80, 0x1FB4, 0x1FB6, 0x1FBC,
        0x1FBE, 0x1FBE, 0x1FC2, 0x1FC4, 0x1FC6, 0x1FCC, 0x1FD0, 0x1FD3, 0x1FD6, 0x1FDB, 0x1FE0, 0x1FEC, 0x1FF2, 0x1FF4, 0x1FF6, 0x1FFC, 0x2102, 0x2102,
        0x2107, 0x2107, 0x210A, 0x2113, 0x2115, 0x2115, 0x2119, 0x211D, 0x2124, 0x2124, 0x2126, 0x2126, 0x2128, 0x2128, 0x212A, 0x212D, 0x212F, 0x2134,
        0x2139, 0x2139, 0x213C, 0x213F, 0x2145, 0x2149, 0x214E, 0x214E, 0x2183, 0x2184, 0x2C00, 0x2C7B, 0x2C7E, 0x2CE4, 0x2CEB, 0x2CEE, 0x2CF2, 0x2CF3,
        0xA640, 0xA66D, 0xA680, 0xA69B, 0xA722, 0xA76F, 0xA771, 0xA787, 0xA78B, 0xA78E, 0xAB70, 0xABBF, 0xFB00, 0xFB06, 0xFB13, 0xFB17, 0xFF21, 0xFF3A,
        0xFF41, 0xFF5A, 0x10400, 0x1044F, 0x104B0, 0x104D3, 0x104D8, 0x104FB, 0x10C80, 0x10CB2, 0x10CC0, 0x10CF2, 0x118A0, 0x118DF, 0x1E900, 0x1E943,
    ];

    /// <summary>Of the third pattern.</summary>
    private static readonly int[] Marks = ['!', '/', ':', '~', 0x2018, 0x201F, 0x3000, 0x3002, 0xFF01, 0xFF0F, 0xFF1A, 0xFF5E];

    /// <summary>What the patterns ask of a character; several at once.</summary>
    [Flags]
    private enum Traits : byte
    {
        None = 0,
        LineEnd = 1,
        Space = 2,
        Letter = 4,
        Mark = 8,
        Ideograph = 16,
        Number = 32,
        End = 64,
    }

    private readonly bool _isCoder;

    /// <summary>[65536]: of the basic plane.</summary>
    private readonly Traits[] _plane = new Traits[0x10000];

    public DeepSeekPreTokenizer(bool isCoder)
    {
        _isCoder = isCoder;
        for (var rune = 0; rune < _plane.Length; rune++)
        {
            _plane[rune] = TraitsOf(rune);
        }
    }

    /// <summary>Each layer's cuts follow from a place's neighbours, so one walk finds the first place where any of them cuts.</summary>
    public override int NextPiece(ReadOnlySpan<byte> text)
    {
        var at = AsciiLettersEnd(text);
        Traits before;
        if (at > 0)
        {
            if (at == text.Length || text[at] < 0x80)
            {
                return at;
            }

            before = _plane[text[at - 1]];
        }
        else
        {
            before = TraitsAt(text, 0, out at);
        }

        var here = TraitsAt(text, at, out var length);
        while (true)
        {
            var next = at + length;
            var after = TraitsAt(text, next, out length);
            if (CutsByLetterOrMark(text, before, here, after, next + length) || CutsByKind(before, here) || (!_isCoder && CutsTrailingSpace(text, before, at)))
            {
                return at;
            }

            (before, here, at) = (here, after, next);
        }
    }

    /// <summary>Where ASCII letters at the start, or behind a space there, end: no pattern cuts among them, and the second one always behind them. 0 without any.</summary>
    private static int AsciiLettersEnd(ReadOnlySpan<byte> text)
    {
        var start = text[0] == ' ' ? 1 : 0;
        var at = start;
        while (at < text.Length && char.IsAsciiLetter((char)text[at]))
        {
            at++;
        }

        return at > start ? at : 0;
    }

    /// <summary>The first three patterns. <c>\s?x+</c> begins at an x, or at white space before one, and ends behind the last x.</summary>
    /// <param name="next">Where the character behind <paramref name="after"/> stands.</param>
    private bool CutsByLetterOrMark(ReadOnlySpan<byte> text, Traits before, Traits here, Traits after, int next)
    {
        if (((before | here) & Traits.LineEnd) != 0 || here == Traits.End)
        {
            return true;
        }

        if (CutsRun(before, here, after, Traits.Letter))
        {
            return true;
        }

        // A mark that is itself white space before a letter went with the letter.
        var markFollows = (after & Traits.Mark) != 0 && !((after & Traits.Space) != 0 && (TraitsAt(text, next, out _) & Traits.Letter) != 0);
        return CutsRun(before, here, markFollows ? after : after & ~Traits.Mark, Traits.Mark);
    }

    private static bool CutsRun(Traits before, Traits here, Traits after, Traits run)
    {
        var (was, isOne) = ((before & run) != 0, (here & run) != 0);
        return was != isOne
            ? was || (before & Traits.Space) == 0
            : !isOne && (here & Traits.Space) != 0 && (after & run) != 0;
    }

    /// <summary>The last two patterns.</summary>
    private bool CutsByKind(Traits before, Traits here) =>
        ((before ^ here) & (Traits.Ideograph | Traits.Number)) != 0 || (_isCoder && (here & Traits.Number) != 0);

    /// <summary><c>\s+$</c>: white space up to the end of what the first three patterns left together.</summary>
    private bool CutsTrailingSpace(ReadOnlySpan<byte> text, Traits before, int at)
    {
        var here = TraitsAt(text, at, out var length);
        if ((here & Traits.Space) == 0 || (before & Traits.Space) != 0)
        {
            return false;
        }

        while (true)
        {
            at += length;
            (before, here) = (here, TraitsAt(text, at, out length));
            var after = TraitsAt(text, at + length, out var afterLength);
            if (CutsByLetterOrMark(text, before, here, after, at + length + afterLength))
            {
                return true;
            }

            if ((here & Traits.Space) == 0)
            {
                return false;
            }
        }
    }

    private Traits TraitsAt(ReadOnlySpan<byte> text, int at, out int length)
    {
        if ((uint)at < (uint)text.Length && text[at] < 0x80)
        {
            length = 1;
            return _plane[text[at]];
        }

        var rune = CharacterClasses.RuneAt(text, at, out length);
        return length == 0 ? Traits.End : rune < _plane.Length ? _plane[rune] : TraitsOf(rune);
    }

    private Traits TraitsOf(int rune)
    {
        var kind = CharacterClasses.Of(rune);
        var isLetter = _isCoder ? (kind & CharacterClass.Letter) != 0 : IsWithin(CasedLetters, rune);
        var isMark = _isCoder ? kind == CharacterClass.Punctuation : IsWithin(Marks, rune);
        return (rune is '\r' or '\n' ? Traits.LineEnd : kind == CharacterClass.Space ? Traits.Space : Traits.None)
            | (isLetter ? Traits.Letter : Traits.None)
            | (isMark ? Traits.Mark : Traits.None)
            | (rune is (>= 0x800 and <= 0x9FA5) or (>= 0xAC00 and <= 0xD7FF) ? Traits.Ideograph : Traits.None)
            | (kind == CharacterClass.Number ? Traits.Number : Traits.None);
    }

    private static bool IsWithin(int[] ranges, int rune)
    {
        var (low, high) = (0, (ranges.Length / 2) - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (rune < ranges[middle * 2])
            {
                high = middle - 1;
            }
            else if (rune > ranges[(middle * 2) + 1])
            {
                low = middle + 1;
            }
            else
            {
                return true;
            }
        }

        return false;
    }
}
