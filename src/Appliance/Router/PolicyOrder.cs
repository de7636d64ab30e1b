namespace Jesus.Appliance.Router;

/// <summary>The order in which a route's candidates are considered: pure, the dice are an argument.</summary>
public static class PolicyOrder
{
    /// <summary>Writes a permutation of the candidates' indexes.</summary>
    /// <param name="dice">64 random bits; the same bits give the same order.</param>
    public static void Write(RoutePolicyKind policy, IReadOnlyList<int> weights, ulong dice, Span<int> order)
    {
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        if (policy == RoutePolicyKind.Weighted)
        {
            WeightedPolicy.Shuffle(weights, dice, order);
        }
    }
}
