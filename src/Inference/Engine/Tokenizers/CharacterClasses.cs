using System.Globalization;
using System.Text;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>What the published patterns tell apart. A character has one of them, or none (control, format, unassigned).</summary>
[Flags]
internal enum CharacterClass : byte
{
    None = 0,

    /// <summary><c>\p{Lu}</c> and <c>\p{Lt}</c>.</summary>
    Upper = 1,

    /// <summary><c>\p{Ll}</c>.</summary>
    Lower = 2,

    /// <summary><c>\p{Lm}</c> and <c>\p{Lo}</c>: letters without case.</summary>
    Uncased = 4,

    /// <summary><c>\p{M}</c>.</summary>
    Mark = 8,

    /// <summary><c>\p{N}</c>.</summary>
    Number = 16,

    /// <summary><c>\p{P}</c>.</summary>
    Punctuation = 32,

    /// <summary><c>\p{S}</c>; bytes that are no UTF-8 are read as U+FFFD, which is one.</summary>
    Symbol = 64,

    /// <summary><c>\s</c>, Unicode's White_Space.</summary>
    Space = 128,

    /// <summary><c>\p{L}</c>.</summary>
    Letter = Upper | Lower | Uncased,
}

/// <summary>Characters and their classes, read from UTF-8. The tables are built once, in about a millisecond.</summary>
internal static class CharacterClasses
{
    /// <summary>[65536]: the basic plane, where nearly all text is.</summary>
    private static readonly CharacterClass[] Plane = Build();

    /// <summary>The class of the character at <paramref name="at"/>, and its length in bytes. At the end: None, 0.</summary>
    public static CharacterClass At(ReadOnlySpan<byte> text, int at, out int length)
    {
        if ((uint)at >= (uint)text.Length)
        {
            length = 0;
            return CharacterClass.None;
        }

        if (text[at] < 0x80)
        {
            length = 1;
            return Plane[text[at]];
        }

        return Of(RuneAt(text, at, out length));
    }

    /// <summary>The character at <paramref name="at"/>, U+FFFD where the bytes are no UTF-8, and its length in bytes. At the end: U+0000, 0.</summary>
    public static int RuneAt(ReadOnlySpan<byte> text, int at, out int length)
    {
        if ((uint)at >= (uint)text.Length)
        {
            length = 0;
            return 0;
        }

        _ = Rune.DecodeFromUtf8(text[at..], out var rune, out length);
        return rune.Value;
    }

    public static CharacterClass Of(int rune) => rune < Plane.Length ? Plane[rune] : ByCategory(CharUnicodeInfo.GetUnicodeCategory(rune));

    private static CharacterClass[] Build()
    {
        var plane = new CharacterClass[0x10000];
        for (var value = 0; value < plane.Length; value++)
        {
            plane[value] = value is (>= '\t' and <= '\r') or 0x85 ? CharacterClass.Space : ByCategory(CharUnicodeInfo.GetUnicodeCategory((char)value));
        }

        return plane;
    }

    private static CharacterClass ByCategory(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.TitlecaseLetter => CharacterClass.Upper,
        UnicodeCategory.LowercaseLetter => CharacterClass.Lower,
        UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => CharacterClass.Uncased,
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark => CharacterClass.Mark,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharacterClass.Number,
        UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => CharacterClass.Space,
        >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation => CharacterClass.Punctuation,
        >= UnicodeCategory.MathSymbol and <= UnicodeCategory.OtherSymbol => CharacterClass.Symbol,
        _ => CharacterClass.None,
    };
}
