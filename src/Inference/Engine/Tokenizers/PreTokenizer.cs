namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// Cuts text into the pieces inside which byte pairs merge. Hand-written forms of the published patterns; no state: a piece depends on the text from its
/// start on, and each looks ahead no further than it must, so that the cost of a text is linear in its length.
/// </summary>
internal abstract class PreTokenizer
{
    /// <summary>Letters, numbers and white space: what the patterns' "other" run, <c>[^\s\p{L}\p{N}]+</c>, excludes.</summary>
    protected const CharacterClass Words = CharacterClass.Letter | CharacterClass.Number | CharacterClass.Space;

    /// <summary>Bytes of the first piece; <paramref name="text"/> is not empty.</summary>
    public abstract int NextPiece(ReadOnlySpan<byte> text);

    protected static CharacterClass ClassAt(ReadOnlySpan<byte> text, int at, out int length) => CharacterClasses.At(text, at, out length);

    /// <summary>Whether a character of <paramref name="wanted"/> stands at <paramref name="at"/>.</summary>
    protected static bool IsAt(ReadOnlySpan<byte> text, int at, CharacterClass wanted) => (ClassAt(text, at, out _) & wanted) != 0;

    /// <summary>Whether a character of none of <paramref name="excluded"/> stands at <paramref name="at"/>; false at the end.</summary>
    protected static bool IsOtherAt(ReadOnlySpan<byte> text, int at, CharacterClass excluded) => (ClassAt(text, at, out var length) & excluded) == 0 && length > 0;

    /// <summary>Where the run of <paramref name="wanted"/> that begins at <paramref name="at"/> ends.</summary>
    protected static int RunEnd(ReadOnlySpan<byte> text, int at, CharacterClass wanted)
    {
        while ((ClassAt(text, at, out var length) & wanted) != 0)
        {
            at += length;
        }

        return at;
    }

    /// <summary>Where the run of characters of none of <paramref name="excluded"/> ends.</summary>
    protected static int OtherRunEnd(ReadOnlySpan<byte> text, int at, CharacterClass excluded)
    {
        while ((ClassAt(text, at, out var length) & excluded) == 0 && length > 0)
        {
            at += length;
        }

        return at;
    }

    /// <summary><c>\p{N}{1,max}</c> at the start.</summary>
    protected static int Numbers(ReadOnlySpan<byte> text, int max)
    {
        var at = 0;
        for (var i = 0; i < max && (ClassAt(text, at, out var length) & CharacterClass.Number) != 0; i++)
        {
            at += length;
        }

        return at;
    }

    /// <summary><c>\s+(?!\S)|\s+</c>: a run of white space, without its last character where something follows and more than one is left.</summary>
    /// <param name="end">Where the text, as far as the pattern sees it, ends.</param>
    protected static int SpaceRun(ReadOnlySpan<byte> text, Func<ReadOnlySpan<byte>, int, bool>? end = null)
    {
        var at = 0;
        var last = 0;
        while ((ClassAt(text, at, out var length) & CharacterClass.Space) != 0)
        {
            last = at;
            at += length;
        }

        return at == text.Length || last == 0 || (end is not null && end(text, at)) ? at : last;
    }

    /// <summary><c>\s*[\r\n]+</c> reaches to the last line end of the run of white space; without one: <c>\s+(?!\S)|\s+</c>.</summary>
    protected static int LineEndsOrSpaces(ReadOnlySpan<byte> text, Func<ReadOnlySpan<byte>, int, bool>? end = null)
    {
        var run = text[..RunEnd(text, 0, CharacterClass.Space)];
        var lineEnd = run.LastIndexOfAny((byte)'\r', (byte)'\n');
        return lineEnd >= 0 ? lineEnd + 1 : SpaceRun(text, end);
    }

    /// <summary><c>'s|'t|'re|'ve|'m|'ll|'d</c> at <paramref name="at"/>: its length, or 0.</summary>
    protected static int Contraction(ReadOnlySpan<byte> text, int at, bool anyCase)
    {
        if (text.Length - at < 2 || text[at] != '\'')
        {
            return 0;
        }

        var first = Fold(text[at + 1], anyCase);
        if (first is (byte)'s' or (byte)'t' or (byte)'m' or (byte)'d')
        {
            return 2;
        }

        var second = text.Length - at < 3 ? 0 : Fold(text[at + 2], anyCase);
        return (first, second) is ((byte)'r', 'e') or ((byte)'v', 'e') or ((byte)'l', 'l') ? 3 : 0;
    }

    protected static bool IsLineEnd(ReadOnlySpan<byte> text, int at) => at < text.Length && text[at] is (byte)'\r' or (byte)'\n';

    private static byte Fold(byte value, bool anyCase) => anyCase && value is >= (byte)'A' and <= (byte)'Z' ? (byte)(value | 0x20) : value;
}
