namespace Jesus.Appliance.Router.Policies;

/// <summary>By the share of its places that would be taken with this call; equal ones in an order by dice, or every idle moment would go to the first.</summary>
internal static class LeastLoadedPolicy
{
    /// <summary>Places of a candidate that sets no limit: then the calls in progress decide.</summary>
    private const int UnknownSlots = 64;

    /// <summary>2 to the power of -53: a hash as a number from 0 to 1.</summary>
    private const double Unit = 1.0 / (1L << 53);

    public static void Order(in PolicyFacts facts, ReadOnlySpan<CandidateView> candidates, Span<int> order)
    {
        Span<double> scores = stackalloc double[order.Length];
        for (var i = 0; i < scores.Length; i++)
        {
            ref readonly var candidate = ref candidates[i];
            var slots = candidate.Slots > 0 ? candidate.Slots : UnknownSlots;
            var tie = (StableHash.Mix(facts.Dice ^ candidate.Hash) >> 11) * Unit;

            // The tie counts a millionth: less than one call's share of the largest door.
            scores[i] = ((candidate.InProgress + 1.0) / slots) + (tie * 1e-6);
        }

        PolicyOrder.SortBy(scores, order);
    }
}
