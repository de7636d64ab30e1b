using System.Globalization;
using System.Text;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>Cuts text into the pieces inside which byte pairs merge. Hand-written forms of the published patterns; no state.</summary>
internal abstract class PreTokenizer
{
    /// <summary>Bytes of the first piece; <paramref name="text"/> is not empty.</summary>
    public abstract int NextPiece(ReadOnlySpan<byte> text);

    /// <summary>What the patterns tell apart: <c>\p{L}</c>, <c>\p{N}</c>, <c>\s</c>, and the rest (bytes that are no UTF-8 included).</summary>
    protected enum Class : byte
    {
        Other,
        Letter,
        Number,
        Space,
    }

    /// <summary>The class of the character at <paramref name="at"/>, and its length in bytes. At the end: Other, 0.</summary>
    protected static Class ClassAt(ReadOnlySpan<byte> text, int at, out int length)
    {
        if ((uint)at >= (uint)text.Length)
        {
            length = 0;
            return Class.Other;
        }

        if (text[at] < 0x80)
        {
            length = 1;
            return Ascii(text[at]);
        }

        _ = Rune.DecodeFromUtf8(text[at..], out var rune, out length);
        return Unicode(rune);
    }

    /// <summary>Where the run of <paramref name="wanted"/> that begins at <paramref name="at"/> ends.</summary>
    protected static int RunEnd(ReadOnlySpan<byte> text, int at, Class wanted)
    {
        while (ClassAt(text, at, out var length) == wanted && length > 0)
        {
            at += length;
        }

        return at;
    }

    /// <summary><c>\s+(?!\S)|\s+</c>: a run of white space, without its last character where something follows and more than one is left.</summary>
    protected static int SpaceRun(ReadOnlySpan<byte> text)
    {
        var at = 0;
        var last = 0;
        while (ClassAt(text, at, out var length) == Class.Space && length > 0)
        {
            last = at;
            at += length;
        }

        return at == text.Length || last == 0 ? at : last;
    }

    /// <summary><c>'s|'t|'re|'ve|'m|'ll|'d</c> at the start: its length, or 0.</summary>
    protected static int Contraction(ReadOnlySpan<byte> text, bool anyCase)
    {
        if (text.Length < 2 || text[0] != '\'')
        {
            return 0;
        }

        var first = Fold(text[1], anyCase);
        if (first is (byte)'s' or (byte)'t' or (byte)'m' or (byte)'d')
        {
            return 2;
        }

        var second = text.Length < 3 ? 0 : Fold(text[2], anyCase);
        return (first, second) is ((byte)'r', 'e') or ((byte)'v', 'e') or ((byte)'l', 'l') ? 3 : 0;
    }

    private static byte Fold(byte value, bool anyCase) => anyCase && value is >= (byte)'A' and <= (byte)'Z' ? (byte)(value | 0x20) : value;

    private static Class Ascii(byte value) => value switch
    {
        (>= (byte)'a' and <= (byte)'z') or (>= (byte)'A' and <= (byte)'Z') => Class.Letter,
        >= (byte)'0' and <= (byte)'9' => Class.Number,
        (byte)' ' or (>= (byte)'\t' and <= (byte)'\r') => Class.Space,
        _ => Class.Other,
    };

    private static Class Unicode(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Class.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Class.Number,
        UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => Class.Space,
        _ => rune.Value == 0x85 ? Class.Space : Class.Other,
    };
}
