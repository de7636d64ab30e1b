namespace Jesus.Inference.Engine.Constraints.Automata;

/// <summary>Makes deterministic automata: by subsets of another's states, smallest, and without states that lead nowhere. Bounded in states and in work.</summary>
internal static class DfaBuilder
{
    /// <summary>Null when it would need more than <see cref="ConstraintLimits.AutomatonStatesMax"/> states, or too much work.</summary>
    public static Dfa? Determine(Nfa nfa)
    {
        if (nfa.IsFull)
        {
            return null;
        }

        var (classOf, classes) = ClassesOf(nfa);
        var sets = new Numbering();
        var next = new List<int>();
        var closure = new Closure(nfa);
        _ = sets.Of(closure.Of([nfa.Start]));
        var buckets = new List<int>[classes];
        for (var i = 0; i < classes; i++)
        {
            buckets[i] = [];
        }

        for (var state = 0; state < sets.Count; state++)
        {
            foreach (var member in sets[state])
            {
                foreach (var (low, high, target) in nfa.EdgesOf(member))
                {
                    for (var c = classOf[low]; c <= classOf[high]; c++)
                    {
                        buckets[c].Add(target);
                    }
                }
            }

            foreach (var bucket in buckets)
            {
                next.Add(bucket.Count == 0 ? Dfa.None : sets.Of(closure.Of(bucket)));
                bucket.Clear();
            }

            if (sets.Count > ConstraintLimits.AutomatonStatesMax || closure.Work > ConstraintLimits.AutomatonWorkMax)
            {
                return null;
            }
        }

        var accepts = new bool[sets.Count];
        for (var state = 0; state < accepts.Length; state++)
        {
            accepts[state] = Array.BinarySearch(sets[state], nfa.Accept) >= 0;
        }

        return DfaMinimum.Of(new Dfa(0, accepts, classOf, classes, [.. next]));
    }

    /// <summary>Without the states that no accepting one can be reached from, and those that cannot be reached.</summary>
    public static Dfa Trim(Dfa dfa)
    {
        var live = Live(dfa);
        var numbers = new int[dfa.Count];
        var kept = new List<int>();
        Array.Fill(numbers, Dfa.None);
        if (dfa.Count > 0 && live[dfa.Start])
        {
            Visit(dfa.Start);
        }

        for (var i = 0; i < kept.Count; i++)
        {
            for (var c = 0; c < dfa.Classes; c++)
            {
                Visit(dfa.NextOf[(kept[i] * dfa.Classes) + c]);
            }
        }

        var next = new int[kept.Count * dfa.Classes];
        for (var i = 0; i < kept.Count; i++)
        {
            for (var c = 0; c < dfa.Classes; c++)
            {
                var target = dfa.NextOf[(kept[i] * dfa.Classes) + c];
                next[(i * dfa.Classes) + c] = target < 0 ? Dfa.None : numbers[target];
            }
        }

        return new Dfa(0, [.. kept.Select(state => dfa.Accepts[state])], dfa.ClassOf, dfa.Classes, next);

        void Visit(int state)
        {
            if (state >= 0 && live[state] && numbers[state] < 0)
            {
                numbers[state] = kept.Count;
                kept.Add(state);
            }
        }
    }

    private static bool[] Live(Dfa dfa)
    {
        var before = new List<int>[dfa.Count];
        for (var state = 0; state < dfa.Count; state++)
        {
            before[state] = [];
        }

        for (var i = 0; i < dfa.NextOf.Length; i++)
        {
            if (dfa.NextOf[i] >= 0)
            {
                before[dfa.NextOf[i]].Add(i / dfa.Classes);
            }
        }

        var live = (bool[])dfa.Accepts.Clone();
        var open = new Stack<int>(Enumerable.Range(0, dfa.Count).Where(state => live[state]));
        while (open.TryPop(out var state))
        {
            foreach (var from in before[state])
            {
                if (!live[from])
                {
                    live[from] = true;
                    open.Push(from);
                }
            }
        }

        return live;
    }

    private static (byte[] ClassOf, int Classes) ClassesOf(Nfa nfa)
    {
        var begins = new bool[257];
        for (var state = 0; state < nfa.Count; state++)
        {
            foreach (var (low, high, _) in nfa.EdgesOf(state))
            {
                (begins[low], begins[high + 1]) = (true, true);
            }
        }

        var classOf = new byte[256];
        var current = 0;
        for (var value = 1; value < 256; value++)
        {
            current += begins[value] ? 1 : 0;
            classOf[value] = (byte)current;
        }

        return (classOf, current + 1);
    }

    /// <summary>What a set of states leads to without a byte.</summary>
    private sealed class Closure(Nfa nfa)
    {
        private readonly int[] _seen = new int[nfa.Count];
        private readonly List<int> _members = [];
        private int _round;

        public long Work { get; private set; }

        /// <summary>In order, each once.</summary>
        public int[] Of(List<int> states)
        {
            _round++;
            _members.Clear();
            foreach (var state in states)
            {
                Add(state);
            }

            for (var i = 0; i < _members.Count; i++)
            {
                foreach (var target in nfa.JumpsOf(_members[i]))
                {
                    Add(target);
                }
            }

            Work += _members.Count + states.Count;

            // States with jumps alone say nothing of their own, but for the end.
            var kept = _members.FindAll(state => nfa.EdgesOf(state).Count > 0 || state == nfa.Accept).ToArray();
            Array.Sort(kept);
            return kept;
        }

        private void Add(int state)
        {
            if (_seen[state] != _round)
            {
                _seen[state] = _round;
                _members.Add(state);
            }
        }
    }
}
