namespace Jesus.Inference.Engine.Constraints.Grammars;

/// <summary>
/// Builds a grammar backwards: each part is given the state that follows it and answers with the state that enters it. Past
/// <see cref="ConstraintLimits.StatesMax"/> it stops growing and says so in <see cref="IsFull"/>.
/// </summary>
internal sealed class GrammarBuilder
{
    private readonly List<GrammarState> _states = [];
    private readonly List<List<Edge>> _edges = [];
    private readonly List<List<int>> _jumps = [];
    private readonly List<string> _inputs = [];

    public GrammarBuilder()
    {
        // The limit is above three, so these are always there.
        Dead = Add(StateKind.Plain);
        Accept = Add(StateKind.Accept);
        Return = Add(StateKind.Return);
    }

    /// <summary>Nothing leads on from here: what can only end here is never entered.</summary>
    public int Dead { get; }
    public int Accept { get; }
    public int Return { get; }

    /// <summary>Calls that may be open at one moment: see <see cref="Grammar.DepthMax"/>.</summary>
    public int DepthMax { get; set; } = ConstraintLimits.DepthMax;

    public bool IsFull => _states.Count >= ConstraintLimits.StatesMax;

    /// <summary>A state that edges and jumps are added to afterwards.</summary>
    public int Plain() => Add(StateKind.Plain);

    /// <summary>A state with a count between <paramref name="min"/> and <paramref name="max"/>.</summary>
    public int Counted(int min, int max)
    {
        var state = Add(StateKind.Plain);
        _states[state] = _states[state] with { Counted = true, Min = min, Max = max };
        return state;
    }

    /// <summary>Enters a rule, whose return leads on. A call that nothing follows is none: the rule's own return is the caller's.</summary>
    public int Call(int entry, int next) => next == Return ? AnyOf(entry) : Add(StateKind.Call, entry, next);

    /// <summary>As <see cref="Counted"/>, of items and not of characters.</summary>
    public int CountedItems(int min, int max)
    {
        var state = Counted(min, max);
        _states[state] = _states[state] with { Items = true };
        return state;
    }

    /// <summary>Like <see cref="Call"/>, from a counted state: the count returns one higher.</summary>
    public int CountedCall(int entry, int next, int min, int max)
    {
        var state = Add(StateKind.Call, entry, next);
        _states[state] = _states[state] with { Counted = true, Items = true, Min = min, Max = max };
        return state;
    }

    public int Marker(int token, int next) => Add(StateKind.Marker, token, next);

    /// <summary>The inside of a string that is a span of the named input.</summary>
    public int Span(string input, int next, int min, int max)
    {
        var index = _inputs.IndexOf(input);
        if (index < 0)
        {
            index = _inputs.Count;
            _inputs.Add(input);
        }

        var state = Add(StateKind.Span, index, next);
        _states[state] = _states[state] with { Counted = min > 0 || max < int.MaxValue, Min = min, Max = max };
        return state;
    }

    /// <summary>Free text that any byte continues.</summary>
    public int Free()
    {
        var state = Add(StateKind.Plain);
        _states[state] = _states[state] with { Free = true };
        Edge(state, 0, 255, state);
        return state;
    }

    /// <summary>Marks a state that every clean character leads back to.</summary>
    public void SetOpen(int state) => _states[state] = _states[state] with { Open = true };

    /// <summary>A state where ways without a byte meet, or that such a way comes back to; edges and jumps are added afterwards.</summary>
    public int Join()
    {
        var state = Add(StateKind.Plain);
        _states[state] = _states[state] with { Join = true };
        return state;
    }

    public void Edge(int from, byte low, byte high, int to, EdgeRule rule = EdgeRule.None) => _edges[from].Add(new Edge(low, high, rule, to));

    public void Jump(int from, int to) => _jumps[from].Add(to);

    public int Byte(byte value, int next)
    {
        var state = Plain();
        Edge(state, value, value, next);
        return state;
    }

    public int Literal(ReadOnlySpan<byte> text, int next)
    {
        for (var i = text.Length - 1; i >= 0; i--)
        {
            next = Byte(text[i], next);
        }

        return next;
    }

    /// <summary>A state from which any of the given ones may be entered.</summary>
    public int AnyOf(params ReadOnlySpan<int> entries)
    {
        var state = Plain();
        foreach (var entry in entries)
        {
            Jump(state, entry);
        }

        return state;
    }

    /// <summary>Any one of the texts; shared beginnings are shared states.</summary>
    public int Literals(List<byte[]> texts, int next)
    {
        texts.Sort(static (left, right) => left.AsSpan().SequenceCompareTo(right));
        return Literals(texts, 0, texts.Count, 0, next);
    }

    public Grammar Build(int start)
    {
        var states = _states.ToArray();
        var edges = new List<Edge>();
        var jumps = new List<int>();
        for (var i = 0; i < states.Length; i++)
        {
            ref var state = ref states[i];
            (state.FirstEdge, state.EdgeCount) = (edges.Count, _edges[i].Count);
            (state.FirstJump, state.JumpCount) = (jumps.Count, _jumps[i].Count);
            edges.AddRange(_edges[i]);
            jumps.AddRange(_jumps[i]);
        }

        return new Grammar(states, [.. edges], [.. jumps], start, [.. _inputs]) { DepthMax = DepthMax };
    }

    // Recursion only where texts part: what they share is one chain, so the depth stays below the square root of twice the schema's bytes.
    private int Literals(List<byte[]> texts, int from, int to, int depth, int next)
    {
        var shared = texts[from].AsSpan(depth).CommonPrefixLength(texts[to - 1].AsSpan(depth));
        return shared == 0 ? Parting(texts, from, to, depth, next) : Literal(texts[from].AsSpan(depth, shared), Parting(texts, from, to, depth + shared, next));
    }

    private int Parting(List<byte[]> texts, int from, int to, int depth, int next)
    {
        var state = Plain();
        while (from < to && texts[from].Length == depth)
        {
            if (_jumps[state].Count == 0)
            {
                Jump(state, next);
            }

            from++;
        }

        while (from < to)
        {
            var label = texts[from][depth];
            var end = from;
            while (end < to && texts[end][depth] == label)
            {
                end++;
            }

            Edge(state, label, label, Literals(texts, from, end, depth + 1, next));
            from = end;
        }

        return state;
    }

    private int Add(StateKind kind, int a = 0, int b = 0)
    {
        if (IsFull)
        {
            return Dead;
        }

        _states.Add(new GrammarState { Kind = kind, A = a, B = b });
        _edges.Add([]);
        _jumps.Add([]);
        return _states.Count - 1;
    }
}
