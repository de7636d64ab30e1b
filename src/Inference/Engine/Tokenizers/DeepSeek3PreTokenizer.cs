namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// DeepSeek V3's sequence: <c>\p{N}{1,3}</c>, then <c>[一-龥぀-ゟ゠-ヿ]+</c>, then, on what is left between those and blind to them,
/// <c>[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>. What none of them takes is a piece as it stands.
/// </summary>
internal sealed class DeepSeek3PreTokenizer : PreTokenizer
{
    private const CharacterClass Letters = CharacterClass.Letter | CharacterClass.Mark;
    private const CharacterClass Signs = CharacterClass.Punctuation | CharacterClass.Symbol;
    private static readonly Func<ReadOnlySpan<byte>, int, bool> AtCut = static (text, at) => IsCut(text, at);

    public override int NextPiece(ReadOnlySpan<byte> text)
    {
        var first = ClassAt(text, 0, out var length);
        if (first == CharacterClass.Number)
        {
            return Numbers(text, 3);
        }

        if (IsIdeograph(text, 0, out _))
        {
            return IdeographsEnd(text);
        }

        if (IsAsciiSign(text[0]) && IsAsciiLetter(text, 1))
        {
            return AsciiLettersEnd(text);
        }

        if ((first & Letters) != 0)
        {
            return LettersEnd(text, 0);
        }

        if (!IsLineEnd(text, 0) && (first & Signs) == 0 && IsInner(text, length, Letters))
        {
            return LettersEnd(text, length);
        }

        return (first & Signs) != 0 ? SignsEnd(text, 0)
            : text[0] == ' ' && IsInner(text, 1, Signs) ? SignsEnd(text, 1)
            : first == CharacterClass.Space ? LineEndsOrSpaces(text, AtCut)
            : UnmatchedEnd(text);
    }

    /// <summary>Characters that no alternative takes: format and control characters that no letter follows.</summary>
    private static int UnmatchedEnd(ReadOnlySpan<byte> text)
    {
        var at = 0;
        while (ClassAt(text, at, out var length) == CharacterClass.None && length > 0 && !IsInner(text, at + length, Letters))
        {
            at += length;
        }

        return at;
    }

    private static int LettersEnd(ReadOnlySpan<byte> text, int at)
    {
        while ((ClassAt(text, at, out var length) & Letters) != 0 && !IsIdeograph(text, at, out _))
        {
            at += length;
        }

        return at;
    }

    private static int SignsEnd(ReadOnlySpan<byte> text, int at)
    {
        while (IsInner(text, at, Signs))
        {
            _ = ClassAt(text, at, out var length);
            at += length;
        }

        while (IsLineEnd(text, at))
        {
            at++;
        }

        return at;
    }

    private static int IdeographsEnd(ReadOnlySpan<byte> text)
    {
        var at = 0;
        while (IsIdeograph(text, at, out var length))
        {
            at += length;
        }

        return at;
    }

    private static int AsciiLettersEnd(ReadOnlySpan<byte> text)
    {
        var at = 1;
        while (IsAsciiLetter(text, at))
        {
            at++;
        }

        return at;
    }

    private static bool IsInner(ReadOnlySpan<byte> text, int at, CharacterClass wanted) => IsAt(text, at, wanted) && !IsIdeograph(text, at, out _);

    private static bool IsCut(ReadOnlySpan<byte> text, int at) => IsAt(text, at, CharacterClass.Number) || IsIdeograph(text, at, out _);

    private static bool IsIdeograph(ReadOnlySpan<byte> text, int at, out int length) =>
        CharacterClasses.RuneAt(text, at, out length) is (>= 0x4E00 and <= 0x9FA5) or (>= 0x3040 and <= 0x30FF);

    private static bool IsAsciiSign(byte value) => value is > 0x20 and < 0x7F && !char.IsAsciiLetterOrDigit((char)value);

    private static bool IsAsciiLetter(ReadOnlySpan<byte> text, int at) => at < text.Length && char.IsAsciiLetter((char)text[at]);
}
