namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// Falcon's sequence of patterns, each applied to what the one before left: runs of punctuation (<c>[\p{P}$+&lt;=&gt;^~|`]+</c>), then GPT-2's pattern, then
/// three ASCII digits at a time. What lies before a cut does not see what lies behind it.
/// </summary>
/// <param name="isDefault">
/// What files without a pre-tokenizer of their own ("default") are run with: the backtick is no punctuation, and numbers are cut off the space before them.
/// </param>
internal sealed class FalconPreTokenizer(bool isDefault = false) : PreTokenizer
{
    private static readonly Func<ReadOnlySpan<byte>, int, bool> AtMark = static (text, at) => IsPunctuation(text, at, true, out _);
    private static readonly Func<ReadOnlySpan<byte>, int, bool> AtDefaultMark = static (text, at) => IsPunctuation(text, at, false, out _);

    public override int NextPiece(ReadOnlySpan<byte> text)
    {
        if (IsPunctuation(text, 0, !isDefault, out var length))
        {
            return PunctuationEnd(text, length);
        }

        var start = text[0] == ' ' ? 1 : 0;
        var kind = ClassAt(text, start, out length);
        if (kind == CharacterClass.Number)
        {
            return start == 1 && isDefault ? 1 : NumberPiece(text, start);
        }

        return (kind & CharacterClass.Letter) != 0 ? RunEnd(text, start, CharacterClass.Letter)
            : IsOther(text, start, out length) ? OthersEnd(text, start)
            : SpaceRun(text, isDefault ? AtDefaultMark : AtMark);
    }

    /// <summary><c> ?\p{N}+</c>, of which <c>[0-9][0-9][0-9]</c> is cut out wherever it stands.</summary>
    private static int NumberPiece(ReadOnlySpan<byte> text, int at)
    {
        if (at == 0 && ThreeDigits(text, 0))
        {
            return 3;
        }

        while (!ThreeDigits(text, at) && (ClassAt(text, at, out var length) & CharacterClass.Number) != 0)
        {
            at += length;
        }

        return at;
    }

    private static bool ThreeDigits(ReadOnlySpan<byte> text, int at) =>
        text.Length - at >= 3 && char.IsAsciiDigit((char)text[at]) && char.IsAsciiDigit((char)text[at + 1]) && char.IsAsciiDigit((char)text[at + 2]);

    private int PunctuationEnd(ReadOnlySpan<byte> text, int at)
    {
        while (IsPunctuation(text, at, !isDefault, out var length))
        {
            at += length;
        }

        return at;
    }

    private int OthersEnd(ReadOnlySpan<byte> text, int at)
    {
        while (IsOther(text, at, out var length))
        {
            at += length;
        }

        return at;
    }

    private bool IsOther(ReadOnlySpan<byte> text, int at, out int length) =>
        (ClassAt(text, at, out length) & Words) == 0 && length > 0 && !IsPunctuation(text, at, !isDefault, out length);

    private static bool IsPunctuation(ReadOnlySpan<byte> text, int at, bool backtick, out int length) =>
        ClassAt(text, at, out length) == CharacterClass.Punctuation
        || (length == 1 && (text[at] is (byte)'$' or (byte)'+' or (byte)'<' or (byte)'=' or (byte)'>' or (byte)'^' or (byte)'~' or (byte)'|' || (backtick && text[at] == '`')));
}
