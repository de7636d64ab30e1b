namespace Jesus.Appliance.Router.Policies;

/// <summary>By the most that the call can cost there, the cheapest first; what nothing prices comes last. Those that the prompt does not fit are left out by the planner.</summary>
internal static class CheapestPolicy
{
    public static void Order(ReadOnlySpan<CandidateView> candidates, Span<int> order)
    {
        Span<double> scores = stackalloc double[order.Length];
        for (var i = 0; i < scores.Length; i++)
        {
            scores[i] = candidates[i].Price.IsUnknown ? double.MaxValue : candidates[i].Bound.MicroUsd;
        }

        PolicyOrder.SortBy(scores, order);
    }
}
