using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Automata;

/// <summary>Writes an automaton's texts into a grammar: as they are, or inside a JSON string.</summary>
internal sealed class DfaGrammar
{
    private readonly GrammarBuilder _builder;
    private readonly Dfa _dfa;
    private readonly int[] _states;
    private readonly int[] _ends;
    private readonly int _max;

    private DfaGrammar(GrammarBuilder builder, Dfa dfa, int max)
    {
        (_builder, _dfa, _max) = (builder, dfa, max);
        _states = new int[dfa.Count];
        _ends = dfa.ShortestEnds();
    }

    /// <summary>The texts as they are.</summary>
    public static int AddText(GrammarBuilder builder, Dfa dfa, int next)
    {
        if (dfa.IsEmpty)
        {
            return builder.Dead;
        }

        var grammar = new DfaGrammar(builder, dfa, int.MaxValue);
        for (var state = 0; state < dfa.Count; state++)
        {
            grammar._states[state] = builder.Plain();
        }

        for (var state = 0; state < dfa.Count; state++)
        {
            grammar.AddRaw(state, next);
        }

        return grammar._states[dfa.Start];
    }

    /// <summary>
    /// From behind the opening quote of a JSON string to behind its closing one. Escapes are those of <see cref="JsonEscapes"/> alone. Texts longer than
    /// <paramref name="max"/> characters are left out; a way is taken only while it can still end in time.
    /// </summary>
    public static int AddString(GrammarBuilder builder, Dfa dfa, int max, int next)
    {
        var grammar = new DfaGrammar(builder, dfa, max);
        if (dfa.IsEmpty || grammar._ends[dfa.Start] > max)
        {
            return builder.Dead;
        }

        for (var state = 0; state < dfa.Count; state++)
        {
            grammar._states[state] = builder.Counted(0, grammar.RoomAt(state));
        }

        for (var state = 0; state < dfa.Count; state++)
        {
            grammar.AddEscaped(state, next);
            if (OpenStates.IsOpen(dfa, state))
            {
                builder.SetOpen(grammar._states[state]);
            }
        }

        return grammar._states[dfa.Start];
    }

    /// <summary>Characters that may have been written at most when the automaton stands here.</summary>
    private int RoomAt(int state) => _ends[state] > _max ? -1 : _max - _ends[state];

    private void AddRaw(int state, int next)
    {
        foreach (var (low, high, target) in _dfa.EdgesOf(state))
        {
            _builder.Edge(_states[state], low, high, _states[target]);
        }

        if (_dfa.Accepts[state])
        {
            _builder.Jump(_states[state], next);
        }

        if (OpenStates.IsOpen(_dfa, state))
        {
            _builder.SetOpen(_states[state]);
        }
    }

    private void AddEscaped(int state, int next)
    {
        var escapes = new List<(byte[] Text, int Target)>();
        Span<byte> scratch = stackalloc byte[JsonEscapes.LengthMax];
        foreach (var (low, high, target) in _dfa.EdgesOf(state))
        {
            for (int value = low; value <= high; value++)
            {
                if (JsonEscapes.IsNeeded((byte)value))
                {
                    escapes.Add((JsonEscapes.Of((byte)value, scratch).ToArray(), target));
                    continue;
                }

                // Characters are counted at their first bytes; what needs no escape goes on as one run.
                var from = value;
                var isFirst = (value & 0xC0) != 0x80;
                while (value < high && !JsonEscapes.IsNeeded((byte)(value + 1)) && ((value + 1) & 0xC0) != 0x80 == isFirst)
                {
                    value++;
                }

                _builder.Edge(_states[state], (byte)from, (byte)value, _states[target], isFirst ? EdgeRule.Counts : EdgeRule.None);
            }
        }

        AddEscapes(_states[state], escapes, 0);
        if (_dfa.Accepts[state])
        {
            _builder.Edge(_states[state], (byte)'"', (byte)'"', next);
        }
    }

    /// <summary>The escapes as a tree; a branch is taken only while one of its leaves can still end in time.</summary>
    private void AddEscapes(int from, List<(byte[] Text, int Target)> escapes, int depth)
    {
        foreach (var group in escapes.GroupBy(escape => escape.Text[depth]))
        {
            var rule = depth == 0 ? EdgeRule.Counts : EdgeRule.None;
            var list = group.ToList();
            if (list[0].Text.Length == depth + 1)
            {
                _builder.Edge(from, group.Key, group.Key, _states[list[0].Target], rule);
                continue;
            }

            var inside = _builder.Counted(0, list.Max(escape => RoomAt(escape.Target)));
            _builder.Edge(from, group.Key, group.Key, inside, rule);
            AddEscapes(inside, list, depth + 1);
        }
    }
}
