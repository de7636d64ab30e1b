namespace Jesus.Inference.Engine.Batching.Speculation;

/// <summary>
/// Guesses that what followed the last tokens earlier in the same sequence follows them again (Saxena, "Prompt Lookup Decoding", 2023): right where an answer quotes,
/// edits or repeats. Costs a search of the tokens, no model. Pure.
/// </summary>
internal static class PromptLookup
{
    /// <summary>The longest match is looked for first: the longer, the likelier to go on alike.</summary>
    private const int MatchMax = 4;

    /// <summary>One equal token says next to nothing.</summary>
    private const int MatchMin = 2;

    /// <summary>Tokens that are searched: 64 KB, some microseconds beside a pass of milliseconds.</summary>
    private const int WindowMax = 16 * 1024;

    /// <summary>Writes the guess; returns its length, 0 where nothing fits.</summary>
    public static int Propose(ReadOnlySpan<int> tokens, Span<int> guess)
    {
        tokens = tokens[Math.Max(0, tokens.Length - WindowMax)..];
        for (var match = Math.Min(MatchMax, tokens.Length - 1); match >= MatchMin; match--)
        {
            var at = tokens[..^1].LastIndexOf(tokens[^match..]);
            if (at >= 0)
            {
                return Continue(tokens, at + match, guess);
            }
        }

        return 0;
    }

    /// <summary>Where the match reaches into the end, the text has a period, and the guess goes on with it.</summary>
    private static int Continue(ReadOnlySpan<int> tokens, int from, Span<int> guess)
    {
        for (var i = 0; i < guess.Length; i++)
        {
            guess[i] = from + i < tokens.Length ? tokens[from + i] : guess[from + i - tokens.Length];
        }

        return guess.Length;
    }
}
