namespace Jesus.Appliance.Router.Policies;

/// <summary>
/// By when an answer would be whole, as measured lately. One that was never measured goes first, to be measured; now and then so does the one whose
/// figures are the oldest, or a candidate that was once slow would never be asked again.
/// </summary>
internal static class FastestPolicy
{
    /// <summary>Length of an answer where the caller does not limit it: a few sentences.</summary>
    private const int UsualTokens = 256;

    /// <summary>One call in so many looks again: 3 % of the calls may be slower than they need.</summary>
    private const ulong LookAgainOneIn = 32;

    /// <summary>Figures younger than this need no second look.</summary>
    private const long OldMs = 30_000;

    public static void Order(in PolicyFacts facts, ReadOnlySpan<CandidateView> candidates, Span<int> order)
    {
        var tokens = facts.OutputTokens > 0 ? Math.Min(facts.OutputTokens, UsualTokens) : UsualTokens;
        Span<double> scores = stackalloc double[order.Length];
        var oldest = 0;
        for (var i = 0; i < scores.Length; i++)
        {
            scores[i] = candidates[i].Speed.AnswerMs(tokens);
            oldest = candidates[i].Speed.AsOfMs < candidates[oldest].Speed.AsOfMs ? i : oldest;
        }

        if (facts.Dice % LookAgainOneIn == 0 && facts.NowMs - candidates[oldest].Speed.AsOfMs > OldMs)
        {
            scores[oldest] = -1;
        }

        PolicyOrder.SortBy(scores, order);
    }
}
