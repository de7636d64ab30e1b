namespace Jesus.Inference.Engine.Constraints.Grammars;

/// <summary>What must hold before a grammar may be followed: every state's depth to the end is known, and no state leads to itself without taking a byte.</summary>
internal static class GrammarCheck
{
    /// <summary>Fills <see cref="GrammarState.Need"/>; false when no finite answer exists.</summary>
    public static bool FillNeeds(Grammar grammar)
    {
        foreach (ref var state in grammar.States.AsSpan())
        {
            state.Need = Grammar.Unreachable;
        }

        // The builder works backwards, so a state's successors mostly stand before it and one sweep settles nearly all; each level of calls may take two
        // more. What is not settled after the deepest level lies deeper than any answer may: its need stays too high, so it is only entered less.
        var changed = true;
        for (var sweep = 0; changed && sweep < 3 * (ConstraintLimits.DepthMax + 2); sweep++)
        {
            changed = false;
            foreach (ref var state in grammar.States.AsSpan())
            {
                var need = NeedOf(grammar, state);
                changed |= need < state.Need;
                state.Need = Math.Min(state.Need, need);
            }
        }

        return grammar.States[grammar.Start].Need <= ConstraintLimits.DepthMax;
    }

    /// <summary>True when some state reaches itself by jumps and calls alone: a $ref that leads straight back to itself.</summary>
    public static bool HasEmptyCycle(Grammar grammar)
    {
        var marks = new byte[grammar.States.Length];
        var path = new Stack<(int State, int Next)>();
        for (var root = 0; root < marks.Length; root++)
        {
            if (marks[root] == 0 && Visit(grammar, root, marks, path))
            {
                return true;
            }
        }

        return false;
    }

    private static int NeedOf(Grammar grammar, in GrammarState state) => state.Kind switch
    {
        StateKind.Accept or StateKind.Return => 0,
        StateKind.Call => Math.Max(Math.Min(1 + grammar.States[state.A].Need, Grammar.Unreachable), grammar.States[state.B].Need),
        StateKind.Span or StateKind.Marker => grammar.States[state.B].Need,
        _ => NeedOfPlain(grammar, state),
    };

    private static int NeedOfPlain(Grammar grammar, in GrammarState state)
    {
        var need = Grammar.Unreachable;
        foreach (var edge in grammar.EdgesOf(state))
        {
            need = Math.Min(need, grammar.States[edge.Target].Need);
        }

        foreach (var jump in grammar.JumpsOf(state))
        {
            need = Math.Min(need, grammar.States[jump].Need);
        }

        return need;
    }

    // Depth first with an own stack: a chain of jumps may be as long as an object has optional properties.
    private static bool Visit(Grammar grammar, int root, byte[] marks, Stack<(int State, int Next)> path)
    {
        const byte Open = 1, Closed = 2;
        marks[root] = Open;
        path.Push((root, 0));
        while (path.TryPop(out var at))
        {
            var next = EmptySuccessor(grammar, at.State, at.Next);
            if (next < 0)
            {
                marks[at.State] = Closed;
                continue;
            }

            path.Push((at.State, at.Next + 1));
            if (marks[next] == Open)
            {
                return true;
            }

            if (marks[next] == 0)
            {
                marks[next] = Open;
                path.Push((next, 0));
            }
        }

        return false;
    }

    private static int EmptySuccessor(Grammar grammar, int index, int which)
    {
        ref readonly var state = ref grammar.States[index];
        if (state.Kind == StateKind.Call)
        {
            return which == 0 ? state.A : -1;
        }

        return which < state.JumpCount ? grammar.Jumps[state.FirstJump + which] : -1;
    }
}
