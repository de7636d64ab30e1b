namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// The pattern of GPT-4o (gpt-oss, Llama 4) and, without contractions and digit by digit, of Mistral's Tekken. With U for
/// <c>[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]</c>, L for <c>[\p{Ll}\p{Lm}\p{Lo}\p{M}]</c>, c for <c>(?i:'s|'t|'re|'ve|'m|'ll|'d)?</c>:
/// <c>[^\r\n\p{L}\p{N}]?U*L+c|[^\r\n\p{L}\p{N}]?U+L*c|\p{N}{1,k}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>.
/// </summary>
/// <param name="numbersTogether">k above.</param>
/// <param name="contractions">Whether c is part of the pattern.</param>
internal sealed class Gpt4oPreTokenizer(int numbersTogether, bool contractions) : PreTokenizer
{
    private const CharacterClass Both = CharacterClass.Uncased | CharacterClass.Mark;
    private const CharacterClass UpperSet = CharacterClass.Upper | Both;
    private const CharacterClass LowerSet = CharacterClass.Lower | Both;

    public override int NextPiece(ReadOnlySpan<byte> text)
    {
        var first = ClassAt(text, 0, out var length);
        if (first == CharacterClass.Number)
        {
            return Numbers(text, numbersTogether);
        }

        var leads = (first & CharacterClass.Letter) == 0 && !IsLineEnd(text, 0);
        if (WordEnd(text, first, leads ? length : 0) is > 0 and var word)
        {
            return word + (contractions ? Contraction(text, word, anyCase: true) : 0);
        }

        return first != CharacterClass.Space ? Others(text, 0)
            : text[0] == ' ' && IsOtherAt(text, 1, Words) ? Others(text, 1)
            : LineEndsOrSpaces(text);
    }

    /// <summary>Where the first two alternatives end, or 0. A mark may be the leading character as well as part of the word, so both are tried, in the pattern's order.</summary>
    private static int WordEnd(ReadOnlySpan<byte> text, CharacterClass first, int lead)
    {
        var withoutLead = lead > 0 && first == CharacterClass.Mark;
        var end = EndsLower(text, lead);
        end = end > 0 || !withoutLead ? end : EndsLower(text, 0);
        end = end > 0 ? end : BeginsUpper(text, lead);
        return end > 0 || !withoutLead ? end : BeginsUpper(text, 0);
    }

    /// <summary><c>U*L+</c> from <paramref name="at"/>: U takes all it can and gives back up to the last character that may also end the word.</summary>
    private static int EndsLower(ReadOnlySpan<byte> text, int at)
    {
        var end = 0;
        for (var kind = ClassAt(text, at, out var length); (kind & UpperSet) != 0; kind = ClassAt(text, at, out length))
        {
            at += length;
            end = (kind & Both) != 0 ? at : end;
        }

        return IsAt(text, at, CharacterClass.Lower) ? RunEnd(text, at, LowerSet) : end;
    }

    /// <summary><c>U+L*</c> from <paramref name="at"/>.</summary>
    private static int BeginsUpper(ReadOnlySpan<byte> text, int at)
    {
        var end = RunEnd(text, at, UpperSet);
        return end > at ? RunEnd(text, end, LowerSet) : 0;
    }

    /// <summary><c>[^\s\p{L}\p{N}]+[\r\n/]*</c> from <paramref name="at"/>.</summary>
    private static int Others(ReadOnlySpan<byte> text, int at)
    {
        at = OtherRunEnd(text, at, Words);
        while (IsLineEnd(text, at) || (at < text.Length && text[at] == '/'))
        {
            at++;
        }

        return at;
    }
}
