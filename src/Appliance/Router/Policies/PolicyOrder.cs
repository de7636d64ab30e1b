namespace Jesus.Appliance.Router.Policies;

/// <summary>What a policy may know of a call beside the candidates.</summary>
/// <param name="Dice">64 random bits; the same bits give the same order.</param>
/// <param name="Prefix">Of the conversation's beginning (<see cref="PrefixHash"/>).</param>
/// <param name="OutputTokens">Longest answer asked for; 0 when not limited.</param>
/// <param name="NowMs">Monotonic milliseconds.</param>
public readonly record struct PolicyFacts(ulong Dice, ulong Prefix = 0, int OutputTokens = 0, long NowMs = 0);

/// <summary>The order in which a route's candidates are considered: pure; dice, speeds and loads are arguments.</summary>
public static class PolicyOrder
{
    /// <summary>Writes a permutation of the candidates' indexes.</summary>
    public static void Write(RoutePolicyKind policy, in PolicyFacts facts, ReadOnlySpan<CandidateView> candidates, Span<int> order)
    {
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        switch (policy)
        {
            case RoutePolicyKind.Weighted:
                WeightedPolicy.Order(facts, candidates, order);
                break;
            case RoutePolicyKind.Cheapest:
                CheapestPolicy.Order(candidates, order);
                break;
            case RoutePolicyKind.Fastest:
                FastestPolicy.Order(facts, candidates, order);
                break;
            case RoutePolicyKind.LeastLoaded:
                LeastLoadedPolicy.Order(facts, candidates, order);
                break;
            case RoutePolicyKind.StickyPrefix:
                StickyPrefixPolicy.Order(facts, candidates, order);
                break;
            default:
                break;
        }
    }

    /// <summary>Sorts by score, the smallest first; equal ones keep their order. Insertion: a route has few candidates.</summary>
    internal static void SortBy(ReadOnlySpan<double> scores, Span<int> order)
    {
        for (var i = 1; i < order.Length; i++)
        {
            var moving = order[i];
            var place = i;
            for (; place > 0 && scores[order[place - 1]] > scores[moving]; place--)
            {
                order[place] = order[place - 1];
            }

            order[place] = moving;
        }
    }
}
