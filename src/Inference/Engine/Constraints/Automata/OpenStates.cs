namespace Jesus.Inference.Engine.Constraints.Automata;

/// <summary>States that every clean character (<see cref="CharSet.Clean"/>) leads back to: there the walk over the vocabulary takes whole branches at once.</summary>
internal static class OpenStates
{
    private static readonly List<(byte Low, byte High)[]> Sequences = Utf8Ranges.Of(CharSet.Clean);

    public static bool IsOpen(Dfa dfa, int state)
    {
        var at = new List<int>();
        foreach (var sequence in Sequences)
        {
            at.Clear();
            at.Add(state);
            foreach (var (low, high) in sequence)
            {
                if (!TryStep(dfa, at, low, high))
                {
                    return false;
                }
            }

            if (at is not [var end] || end != state)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Replaces the states by all that a byte of the range leads to; false when one leads nowhere.</summary>
    private static bool TryStep(Dfa dfa, List<int> states, byte low, byte high)
    {
        var count = states.Count;
        for (var i = 0; i < count; i++)
        {
            for (int value = low; value <= high; value++)
            {
                var next = dfa.Next(states[i], (byte)value);
                if (next < 0)
                {
                    return false;
                }

                if (states.IndexOf(next, count) < 0)
                {
                    states.Add(next);
                }
            }
        }

        states.RemoveRange(0, count);
        return true;
    }
}
