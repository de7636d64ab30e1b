using Jesus.Inference.Engine.Constraints.Automata;

namespace Jesus.Inference.Engine.Constraints.Regexes;

/// <summary>Automata of the latest patterns: one schema asks for the same several times. Thread safe.</summary>
internal static class PatternCache
{
    /// <summary>Of at most 16,000 states, and mostly of some dozens: a few megabytes.</summary>
    private const int PatternsKeptMax = 64;

    private static readonly Lock Gate = new();
    private static readonly Dictionary<string, (Dfa? Texts, string Problem)> Known = new(StringComparer.Ordinal);

    public static Dfa? Found(string pattern, out string problem)
    {
        lock (Gate)
        {
            if (Known.TryGetValue(pattern, out var known))
            {
                problem = known.Problem;
                return known.Texts;
            }
        }

        var texts = RegexCompiler.Found(pattern, out problem);
        lock (Gate)
        {
            if (Known.Count >= PatternsKeptMax)
            {
                Known.Clear();
            }

            Known[pattern] = (texts, problem);
        }

        return texts;
    }
}
