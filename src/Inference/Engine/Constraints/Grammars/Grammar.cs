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

    public GrammarState[] States { get; }
    public Edge[] Edges { get; }
    public int[] Jumps { get; }
    public int Start { get; }

    /// <summary>Names of the inputs that spans refer to, by index.</summary>
    public string[] Inputs { get; }

    public ReadOnlySpan<Edge> EdgesOf(in GrammarState state) => Edges.AsSpan(state.FirstEdge, state.EdgeCount);

    public ReadOnlySpan<int> JumpsOf(in GrammarState state) => Jumps.AsSpan(state.FirstJump, state.JumpCount);
}
