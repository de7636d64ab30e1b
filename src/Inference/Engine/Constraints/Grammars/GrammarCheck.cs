namespace Jesus.Inference.Engine.Constraints.Grammars;

/// <summary>What must be known before a grammar may be followed: every state's depth to the end.</summary>
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
        for (var sweep = 0; changed && sweep < 3 * (grammar.DepthMax + 2); sweep++)
        {
            changed = false;
            foreach (ref var state in grammar.States.AsSpan())
            {
                var need = NeedOf(grammar, state);
                changed |= need < state.Need;
                state.Need = Math.Min(state.Need, need);
            }
        }

        return grammar.States[grammar.Start].Need <= grammar.DepthMax;
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
}
