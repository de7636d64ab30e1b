namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// GPT-2's published pattern, in its order of alternatives:
/// <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>.
/// </summary>
internal sealed class Gpt2PreTokenizer : PreTokenizer
{
    public override int NextPiece(ReadOnlySpan<byte> text)
    {
        if (Contraction(text, anyCase: false) is > 0 and var contraction)
        {
            return contraction;
        }

        var start = text[0] == ' ' ? 1 : 0;
        var kind = ClassAt(text, start, out var length);
        return kind == Class.Space || length == 0 ? SpaceRun(text) : RunEnd(text, start, kind);
    }
}
