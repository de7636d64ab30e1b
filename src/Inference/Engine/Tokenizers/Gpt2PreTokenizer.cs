namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// GPT-2's published pattern, in its order of alternatives:
/// <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>.
/// </summary>
/// <param name="numbersApart">
/// Every <c>\p{N}</c> is cut out first, as a piece of its own (StarCoder, Refact, Command R, SmolLM): what is before it does not see it, so white space
/// there is taken whole.
/// </param>
internal sealed class Gpt2PreTokenizer(bool numbersApart = false) : PreTokenizer
{
    private static readonly Func<ReadOnlySpan<byte>, int, bool> AtNumber = static (text, at) => IsAt(text, at, CharacterClass.Number);

    public override int NextPiece(ReadOnlySpan<byte> text)
    {
        if (Contraction(text, 0, anyCase: false) is > 0 and var contraction)
        {
            return contraction;
        }

        var first = ClassAt(text, 0, out var length);
        if (numbersApart && first == CharacterClass.Number)
        {
            return length;
        }

        var start = text[0] == ' ' ? 1 : 0;
        var kind = start == 0 ? first : ClassAt(text, 1, out length);
        return (kind & CharacterClass.Letter) != 0 ? RunEnd(text, start, CharacterClass.Letter)
            : kind == CharacterClass.Number && !numbersApart ? RunEnd(text, start, CharacterClass.Number)
            : (kind & Words) == 0 && length > 0 ? OtherRunEnd(text, start, Words)
            : SpaceRun(text, numbersApart ? AtNumber : null);
    }
}
