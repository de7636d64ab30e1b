namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// The pattern of Qwen 2 (numbers digit by digit) and of Llama 3 (up to three digits together), in its order of alternatives:
/// <c>(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,k}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>.
/// </summary>
/// <param name="numbersTogether">k above.</param>
/// <param name="marksAreLetters">Qwen 3.5: <c>[\p{L}\p{M}]</c> where the above has <c>\p{L}</c>, but in the first character class.</param>
internal sealed class Qwen2PreTokenizer(int numbersTogether, bool marksAreLetters = false) : PreTokenizer
{
    private readonly CharacterClass _letters = CharacterClass.Letter | (marksAreLetters ? CharacterClass.Mark : CharacterClass.None);

    public override int NextPiece(ReadOnlySpan<byte> text)
    {
        if (Contraction(text, 0, anyCase: true) is > 0 and var contraction)
        {
            return contraction;
        }

        var first = ClassAt(text, 0, out var length);
        if ((first & _letters) != 0)
        {
            return RunEnd(text, 0, _letters);
        }

        if (first == CharacterClass.Number)
        {
            return Numbers(text, numbersTogether);
        }

        if (!IsLineEnd(text, 0) && IsAt(text, length, _letters))
        {
            return RunEnd(text, length, _letters);
        }

        return first != CharacterClass.Space ? Others(text, 0)
            : text[0] == ' ' && IsOtherAt(text, 1, Words | _letters) ? Others(text, 1)
            : LineEndsOrSpaces(text);
    }

    /// <summary><c>[^\s\p{L}\p{N}]+[\r\n]*</c> from <paramref name="at"/>.</summary>
    private int Others(ReadOnlySpan<byte> text, int at)
    {
        at = OtherRunEnd(text, at, Words | _letters);
        while (IsLineEnd(text, at))
        {
            at++;
        }

        return at;
    }
}
