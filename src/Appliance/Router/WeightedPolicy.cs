namespace Jesus.Appliance.Router;

/// <summary>Draws without replacement: at each place a remaining candidate's chance is its weight's share of what remains.</summary>
internal static class WeightedPolicy
{
    public static void Shuffle(IReadOnlyList<int> weights, ulong dice, Span<int> order)
    {
        for (var place = 0; place < order.Length - 1; place++)
        {
            dice = Mix(dice);
            var drawn = Draw(weights, order[place..], dice);
            (order[place], order[place + drawn]) = (order[place + drawn], order[place]);
        }
    }

    private static int Draw(IReadOnlyList<int> weights, ReadOnlySpan<int> remaining, ulong dice)
    {
        var total = 0UL;
        foreach (var index in remaining)
        {
            total += (ulong)weights[index];
        }

        // The high half of a 64 x 64 bit product maps the dice onto [0, total) without a modulo's bias.
        var mark = Math.BigMul(dice, total, out _);
        for (var i = 0; i < remaining.Length; i++)
        {
            var weight = (ulong)weights[remaining[i]];
            if (mark < weight)
            {
                return i;
            }

            mark -= weight;
        }

        return remaining.Length - 1;
    }

    /// <summary>SplitMix64 (Steele, Lea, Flood 2014).</summary>
    private static ulong Mix(ulong state)
    {
        var z = state + 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
