namespace Jesus.Appliance.Router.Policies;

/// <summary>
/// Calls with the same beginning go to the same candidate, whose prompt cache is warm for them: weighted rendezvous hashing (Thaler and Ravishankar 1998;
/// Schindelhauer and Schomaker 2005), so a candidate that comes or goes moves only its own share of conversations. A busy one comes after those that are
/// not; the planner puts resting ones last.
/// </summary>
internal static class StickyPrefixPolicy
{
    /// <summary>2 to the power of -53: a hash as a number from 0 to 1.</summary>
    private const double Unit = 1.0 / (1L << 53);

    /// <summary>Larger than any score of a candidate that has a place free.</summary>
    private const double Busy = 1e12;

    public static void Order(in PolicyFacts facts, ReadOnlySpan<CandidateView> candidates, Span<int> order)
    {
        Span<double> scores = stackalloc double[order.Length];
        for (var i = 0; i < scores.Length; i++)
        {
            var draw = ((StableHash.Mix(facts.Prefix ^ candidates[i].Hash) >> 11) + 0.5) * Unit;
            scores[i] = (-Math.Log(draw) / candidates[i].Weight) + (candidates[i].IsBusy ? Busy : 0);
        }

        PolicyOrder.SortBy(scores, order);
    }
}
