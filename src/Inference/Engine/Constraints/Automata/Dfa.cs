namespace Jesus.Inference.Engine.Constraints.Automata;

/// <summary>
/// A deterministic automaton over bytes. From every state an accepting one can be reached; an automaton that takes nothing has no states. Immutable.
/// </summary>
internal sealed class Dfa
{
    public const int None = -1;

    public Dfa(int start, bool[] accepts, byte[] classOf, int classes, int[] next)
    {
        (Start, Accepts, ClassOf, Classes, NextOf) = (start, accepts, classOf, classes, next);
    }

    public int Count => Accepts.Length;
    public int Start { get; }
    public bool[] Accepts { get; }

    /// <summary>Bytes that no state tells apart have the same class.</summary>
    public byte[] ClassOf { get; }
    public int Classes { get; }

    /// <summary>By state, then class; <see cref="None"/> where nothing follows.</summary>
    public int[] NextOf { get; }

    public bool IsEmpty => Count == 0;

    public int Next(int state, byte value) => NextOf[(state * Classes) + ClassOf[value]];

    public bool Matches(ReadOnlySpan<byte> text)
    {
        var state = IsEmpty ? None : Start;
        foreach (var value in text)
        {
            state = state < 0 ? None : Next(state, value);
        }

        return state >= 0 && Accepts[state];
    }

    /// <summary>Runs of bytes with one target, in order.</summary>
    public IEnumerable<(byte Low, byte High, int Target)> EdgesOf(int state)
    {
        var low = 0;
        for (var value = 1; value <= 256; value++)
        {
            var target = Next(state, (byte)low);
            if (value < 256 && Next(state, (byte)value) == target)
            {
                continue;
            }

            if (target >= 0)
            {
                yield return ((byte)low, (byte)(value - 1), target);
            }

            low = value;
        }
    }

    /// <summary>Characters that the shortest way from each state to an accepting one takes; inside a character those after it.</summary>
    public int[] ShortestEnds()
    {
        var shortest = new int[Count];
        Array.Fill(shortest, int.MaxValue);
        var before = Predecessors();
        var queue = new LinkedList<int>();
        for (var state = 0; state < Count; state++)
        {
            if (Accepts[state])
            {
                shortest[state] = 0;
                queue.AddLast(state);
            }
        }

        // Breadth first with steps of 0 (continuation bytes) at the front and of 1 (a character's first byte) at the back.
        while (queue.First is { } at)
        {
            queue.RemoveFirst();
            foreach (var (from, isFirst) in before[at.Value])
            {
                var length = shortest[at.Value] + (isFirst ? 1 : 0);
                if (length < shortest[from])
                {
                    shortest[from] = length;
                    _ = isFirst ? queue.AddLast(from) : queue.AddFirst(from);
                }
            }
        }

        return shortest;
    }

    private List<(int From, bool IsFirst)>[] Predecessors()
    {
        var before = new List<(int, bool)>[Count];
        for (var state = 0; state < Count; state++)
        {
            before[state] = [];
        }

        for (var state = 0; state < Count; state++)
        {
            foreach (var (low, high, target) in EdgesOf(state))
            {
                if (low is < 0x80 or > 0xBF || high > 0xBF)
                {
                    before[target].Add((state, true));
                }

                if (low <= 0xBF && high >= 0x80)
                {
                    before[target].Add((state, false));
                }
            }
        }

        return before;
    }
}
