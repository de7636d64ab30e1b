namespace Jesus.Appliance.Router.Policies;

/// <summary>Draws without replacement: at each place a remaining candidate's chance is its weight's share of what remains.</summary>
internal static class WeightedPolicy
{
    public static void Order(in PolicyFacts facts, ReadOnlySpan<CandidateView> candidates, Span<int> order)
    {
        var dice = facts.Dice;
        for (var place = 0; place < order.Length - 1; place++)
        {
            dice = StableHash.Mix(dice);
            var drawn = Draw(candidates, order[place..], dice);
            (order[place], order[place + drawn]) = (order[place + drawn], order[place]);
        }
    }

    private static int Draw(ReadOnlySpan<CandidateView> candidates, ReadOnlySpan<int> remaining, ulong dice)
    {
        var total = 0UL;
        foreach (var index in remaining)
        {
            total += (ulong)candidates[index].Weight;
        }

        // The high half of a 64 x 64 bit product maps the dice onto [0, total) without a modulo's bias.
        var mark = Math.BigMul(dice, total, out _);
        for (var i = 0; i < remaining.Length; i++)
        {
            var weight = (ulong)candidates[remaining[i]].Weight;
            if (mark < weight)
            {
                return i;
            }

            mark -= weight;
        }

        return remaining.Length - 1;
    }
}
