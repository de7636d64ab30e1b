namespace Jesus.Inference.Engine.Constraints.Automata;

/// <summary>Automata of sets of texts made from those of others. Null where the result would have too many states.</summary>
internal static class DfaSets
{
    /// <summary>Every text that is whole UTF-8.</summary>
    public static Dfa AnyText { get; } = MakeAny();

    /// <summary>What both take.</summary>
    public static Dfa? Intersect(Dfa left, Dfa right)
    {
        if (left.IsEmpty || right.IsEmpty)
        {
            return left.IsEmpty ? left : right;
        }

        var (classOf, pairs) = Classes(left, right);
        return Product(classOf, pairs.Count, (left.Start, right.Start), (at, c) =>
        {
            var one = left.NextOf[(at.Item1 * left.Classes) + pairs[c].Left];
            var other = right.NextOf[(at.Item2 * right.Classes) + pairs[c].Right];
            return one < 0 || other < 0 ? null : (one, other);
        }, at => left.Accepts[at.Item1] && right.Accepts[at.Item2]);
    }

    /// <summary>Every text that it does not take.</summary>
    public static Dfa? Complement(Dfa dfa)
    {
        // One state more, which accepts, stands for every missing step.
        var sink = dfa.Count;
        var next = new int[(sink + 1) * dfa.Classes];
        Array.Fill(next, sink);
        for (var i = 0; i < dfa.NextOf.Length; i++)
        {
            next[i] = dfa.NextOf[i] < 0 ? sink : dfa.NextOf[i];
        }

        bool[] accepts = [.. dfa.Accepts.Select(accept => !accept), true];
        return Intersect(DfaBuilder.Trim(new Dfa(dfa.IsEmpty ? sink : dfa.Start, accepts, dfa.ClassOf, dfa.Classes, next)), AnyText);
    }

    /// <summary>What one of them takes.</summary>
    public static Dfa? Union(Dfa left, Dfa right) =>
        Complement(left) is { } one && Complement(right) is { } other && Intersect(one, other) is { } neither ? Complement(neither) : null;

    /// <summary>Of the texts that it takes those of <paramref name="min"/> to <paramref name="max"/> characters.</summary>
    public static Dfa? WithLength(Dfa dfa, int min, int max)
    {
        if (dfa.IsEmpty || (min <= 0 && max == int.MaxValue))
        {
            return dfa;
        }

        // Characters are counted at their first bytes, which lie apart from continuation bytes in every automaton that knows both.
        var (classOf, pairs) = Classes(dfa, AnyText);
        var isFirst = new bool[pairs.Count];
        for (var value = 0; value < 256; value++)
        {
            isFirst[classOf[value]] |= (value & 0xC0) != 0x80;
        }

        return Product(classOf, pairs.Count, (dfa.Start, 0), (at, c) =>
        {
            var next = dfa.NextOf[(at.Item1 * dfa.Classes) + pairs[c].Left];
            var count = at.Item2 + (isFirst[c] ? 1 : 0);
            return next < 0 || count > max ? null : (next, max == int.MaxValue ? Math.Min(count, min) : count);
        }, at => dfa.Accepts[at.Item1] && at.Item2 >= min);
    }

    /// <summary>Exactly this text.</summary>
    public static Dfa Literals(IEnumerable<byte[]> texts)
    {
        var nfa = new Nfa();
        nfa.Start = nfa.Add();
        nfa.Accept = nfa.Add();
        foreach (var text in texts)
        {
            var state = nfa.Start;
            foreach (var value in text)
            {
                var next = nfa.Add();
                nfa.Edge(state, value, value, next);
                state = next;
            }

            nfa.Jump(state, nfa.Accept);
        }

        return DfaBuilder.Determine(nfa) ?? throw new InvalidOperationException("The texts are bounded by the schema's own bytes.");
    }

    private static Dfa? Product(
        byte[] classOf, int classes, (int, int) start, Func<(int, int), int, (int, int)?> step, Func<(int, int), bool> accepts)
    {
        var numbers = new Dictionary<(int, int), int> { [start] = 0 };
        var states = new List<(int, int)> { start };
        var next = new List<int>();
        for (var state = 0; state < states.Count; state++)
        {
            if (states.Count > ConstraintLimits.AutomatonStatesMax)
            {
                return null;
            }

            for (var c = 0; c < classes; c++)
            {
                next.Add(step(states[state], c) is { } target ? NumberOf(target) : Dfa.None);
            }
        }

        return DfaMinimum.Of(new Dfa(0, [.. states.Select(accepts)], classOf, classes, [.. next]));

        int NumberOf((int, int) pair)
        {
            if (!numbers.TryGetValue(pair, out var number))
            {
                number = states.Count;
                numbers.Add(pair, number);
                states.Add(pair);
            }

            return number;
        }
    }

    private static (byte[] ClassOf, List<(int Left, int Right)> Pairs) Classes(Dfa left, Dfa right)
    {
        var classOf = new byte[256];
        var pairs = new List<(int Left, int Right)>();
        for (var value = 0; value < 256; value++)
        {
            var pair = (left.ClassOf[value], right.ClassOf[value]);
            var index = pairs.IndexOf(pair);
            if (index < 0)
            {
                index = pairs.Count;
                pairs.Add(pair);
            }

            classOf[value] = (byte)index;
        }

        return (classOf, pairs);
    }

    private static Dfa MakeAny()
    {
        var nfa = new Nfa();
        nfa.Start = nfa.Accept = nfa.Add();
        nfa.Edge(nfa.Start, CharSet.All, nfa.Start);
        return DfaBuilder.Determine(nfa)!;
    }
}
