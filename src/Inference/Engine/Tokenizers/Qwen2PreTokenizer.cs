namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// The pattern of Qwen 2 (numbers digit by digit) and of Llama 3 (up to three digits together), in its order of alternatives:
/// <c>(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,k}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>.
/// </summary>
/// <param name="numbersTogether">k above.</param>
internal sealed class Qwen2PreTokenizer(int numbersTogether) : PreTokenizer
{
    public override int NextPiece(ReadOnlySpan<byte> text)
    {
        if (Contraction(text, anyCase: true) is > 0 and var contraction)
        {
            return contraction;
        }

        var first = ClassAt(text, 0, out var length);
        return first switch
        {
            Class.Letter => RunEnd(text, 0, Class.Letter),
            Class.Number => Numbers(text),
            _ when text[0] is not ((byte)'\r' or (byte)'\n') && ClassAt(text, length, out _) == Class.Letter => RunEnd(text, length, Class.Letter),
            Class.Other => Others(text, 0),
            _ when text[0] == ' ' && ClassAt(text, 1, out var next) == Class.Other && next > 0 => Others(text, 1),
            _ => Spaces(text),
        };
    }

    private int Numbers(ReadOnlySpan<byte> text)
    {
        var at = 0;
        for (var i = 0; i < numbersTogether && ClassAt(text, at, out var length) == Class.Number; i++)
        {
            at += length;
        }

        return at;
    }

    /// <summary><c>[^\s\p{L}\p{N}]+[\r\n]*</c> from <paramref name="at"/>.</summary>
    private static int Others(ReadOnlySpan<byte> text, int at)
    {
        at = RunEnd(text, at, Class.Other);
        while (at < text.Length && text[at] is (byte)'\r' or (byte)'\n')
        {
            at++;
        }

        return at;
    }

    /// <summary><c>\s*[\r\n]+</c> reaches to the last line end of the run of white space; without one, the run by itself.</summary>
    private static int Spaces(ReadOnlySpan<byte> text)
    {
        var run = text[..RunEnd(text, 0, Class.Space)];
        var lineEnd = run.LastIndexOfAny((byte)'\r', (byte)'\n');
        return lineEnd >= 0 ? lineEnd + 1 : SpaceRun(text);
    }
}
