namespace Jesus.Inference.Engine.Constraints.Automata;

/// <summary>An automaton over bytes with jumps that take none (Thompson, 1968). Stops growing at <see cref="ConstraintLimits.PatternStatesMax"/> and says so.</summary>
internal sealed class Nfa
{
    private readonly List<List<(byte Low, byte High, int Target)>> _edges = [];
    private readonly List<List<int>> _jumps = [];

    public int Count => _edges.Count;
    public int Start { get; set; }
    public int Accept { get; set; }
    public bool IsFull => Count >= ConstraintLimits.PatternStatesMax;

    public int Add()
    {
        if (IsFull)
        {
            return Count - 1;
        }

        _edges.Add([]);
        _jumps.Add([]);
        return Count - 1;
    }

    public List<(byte Low, byte High, int Target)> EdgesOf(int state) => _edges[state];

    public List<int> JumpsOf(int state) => _jumps[state];

    public void Jump(int from, int to) => _jumps[from].Add(to);

    public void Edge(int from, byte low, byte high, int to) => _edges[from].Add((low, high, to));

    /// <summary>One character of the set leads from the one state to the other. What characters end alike in is shared.</summary>
    public void Edge(int from, CharSet set, int to)
    {
        var tails = new Dictionary<(byte Low, byte High, int Target), int>();
        foreach (var sequence in Utf8Ranges.Of(set))
        {
            var target = to;
            for (var i = sequence.Length - 1; i > 0; i--)
            {
                var key = (sequence[i].Low, sequence[i].High, target);
                if (!tails.TryGetValue(key, out var state))
                {
                    state = Add();
                    Edge(state, key.Low, key.High, target);
                    tails.Add(key, state);
                }

                target = state;
            }

            Edge(from, sequence[0].Low, sequence[0].High, target);
        }
    }
}
