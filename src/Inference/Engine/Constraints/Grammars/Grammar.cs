using Jesus.Inference.Engine.Constraints.Automata;

namespace Jesus.Inference.Engine.Constraints.Grammars;

/// <summary>
/// A pushdown automaton over bytes: immutable, free of any input's text, so that it serves every request with the same schema.
/// </summary>
internal sealed class Grammar
{
    public const int Unreachable = int.MaxValue / 2;

    public Grammar(GrammarState[] states, Edge[] edges, int[] jumps, int start, string[] inputs)
    {
        States = states;
        Edges = edges;
        Jumps = jumps;
        Start = start;
        Inputs = inputs;
    }

    /// <summary>Calls that may be open at one moment.</summary>
    public int DepthMax { get; init; } = ConstraintLimits.DepthMax;

    public GrammarState[] States { get; }
    public Edge[] Edges { get; }
    public int[] Jumps { get; }
    public int Start { get; }

    /// <summary>Names of the inputs that spans refer to, by index.</summary>
    public string[] Inputs { get; }

    /// <summary>The same without calls and counts, of which it must have none; the end is accepting.</summary>
    public Nfa ToNfa()
    {
        var nfa = new Nfa();
        foreach (var _ in States)
        {
            nfa.Add();
        }

        (nfa.Start, nfa.Accept) = (Start, Array.FindIndex(States, state => state.Kind == StateKind.Accept));
        for (var index = 0; index < States.Length; index++)
        {
            foreach (var edge in EdgesOf(States[index]))
            {
                nfa.Edge(index, edge.Low, edge.High, edge.Target);
            }

            foreach (var jump in JumpsOf(States[index]))
            {
                nfa.Jump(index, jump);
            }
        }

        return nfa;
    }

    public ReadOnlySpan<Edge> EdgesOf(in GrammarState state) => Edges.AsSpan(state.FirstEdge, state.EdgeCount);

    public ReadOnlySpan<int> JumpsOf(in GrammarState state) => Jumps.AsSpan(state.FirstJump, state.JumpCount);
}
