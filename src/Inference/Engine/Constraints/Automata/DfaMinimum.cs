namespace Jesus.Inference.Engine.Constraints.Automata;

/// <summary>The smallest automaton of the same language (Hopcroft, "An n log n algorithm for minimizing states in a finite automaton", 1971).</summary>
internal sealed class DfaMinimum
{
    private readonly Dfa _dfa;
    private readonly int _sink;
    private readonly int[][] _before;
    private readonly int[] _blockOf;
    private readonly int[] _placeOf;
    private readonly List<List<int>> _blocks = [];
    private readonly Stack<(int Block, int Class)> _waiting = new();
    private readonly HashSet<(int Block, int Class)> _isWaiting = [];

    private DfaMinimum(Dfa dfa)
    {
        _dfa = dfa;
        _sink = dfa.Count;
        _before = new int[(dfa.Count + 1) * dfa.Classes][];
        _blockOf = new int[dfa.Count + 1];
        _placeOf = new int[dfa.Count + 1];
    }

    public static Dfa Of(Dfa dfa) => dfa.Count == 0 ? dfa : DfaBuilder.Trim(new DfaMinimum(dfa).Run());

    private Dfa Run()
    {
        FillBefore();
        Begin();
        while (_waiting.TryPop(out var splitter))
        {
            _isWaiting.Remove(splitter);
            Split(splitter.Block, splitter.Class);
        }

        return Merged();
    }

    /// <summary>Who leads where; a sink stands for every missing step.</summary>
    private void FillBefore()
    {
        var lists = new List<int>?[_before.Length];
        for (var state = 0; state <= _sink; state++)
        {
            for (var c = 0; c < _dfa.Classes; c++)
            {
                var target = state == _sink ? _sink : _dfa.NextOf[(state * _dfa.Classes) + c];
                (lists[((target < 0 ? _sink : target) * _dfa.Classes) + c] ??= []).Add(state);
            }
        }

        for (var i = 0; i < lists.Length; i++)
        {
            _before[i] = lists[i]?.ToArray() ?? [];
        }
    }

    private void Begin()
    {
        List<int> accepting = [], others = [];
        for (var state = 0; state <= _sink; state++)
        {
            (state < _sink && _dfa.Accepts[state] ? accepting : others).Add(state);
        }

        AddBlock(others);
        if (accepting.Count > 0)
        {
            AddBlock(accepting);
        }

        for (var c = 0; c < _dfa.Classes; c++)
        {
            Wait(_blocks.Count - 1, c);
        }
    }

    private void Split(int splitter, int c)
    {
        var hits = new Dictionary<int, List<int>>();
        foreach (var target in _blocks[splitter])
        {
            foreach (var from in _before[(target * _dfa.Classes) + c])
            {
                if (!hits.TryGetValue(_blockOf[from], out var list))
                {
                    hits.Add(_blockOf[from], list = []);
                }

                list.Add(from);
            }
        }

        foreach (var (block, list) in hits)
        {
            if (list.Count < _blocks[block].Count)
            {
                Part(block, list);
            }
        }
    }

    private void Part(int block, List<int> taken)
    {
        var rest = _blocks[block];
        foreach (var state in taken)
        {
            // The last takes the place of the one that leaves.
            var last = rest[^1];
            (rest[_placeOf[state]], _placeOf[last]) = (last, _placeOf[state]);
            rest.RemoveAt(rest.Count - 1);
        }

        var added = AddBlock(taken);
        for (var c = 0; c < _dfa.Classes; c++)
        {
            var smaller = _blocks[block].Count < taken.Count ? block : added;
            Wait(_isWaiting.Contains((block, c)) ? added : smaller, c);
        }
    }

    private int AddBlock(List<int> states)
    {
        _blocks.Add(states);
        for (var i = 0; i < states.Count; i++)
        {
            (_blockOf[states[i]], _placeOf[states[i]]) = (_blocks.Count - 1, i);
        }

        return _blocks.Count - 1;
    }

    private void Wait(int block, int c)
    {
        if (_isWaiting.Add((block, c)))
        {
            _waiting.Push((block, c));
        }
    }

    private Dfa Merged()
    {
        var accepts = new bool[_blocks.Count];
        var next = new int[_blocks.Count * _dfa.Classes];
        for (var block = 0; block < _blocks.Count; block++)
        {
            var state = _blocks[block][0];
            accepts[block] = state < _sink && _dfa.Accepts[state];
            for (var c = 0; c < _dfa.Classes; c++)
            {
                var target = state == _sink ? Dfa.None : _dfa.NextOf[(state * _dfa.Classes) + c];
                next[(block * _dfa.Classes) + c] = target < 0 ? Dfa.None : _blockOf[target];
            }
        }

        return new Dfa(_blockOf[_dfa.Start], accepts, _dfa.ClassOf, _dfa.Classes, next);
    }
}
