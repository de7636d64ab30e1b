using System.Buffers;

namespace Jesus.Inference.Engine.Constraints.Matching;

/// <summary>
/// Every substring of an input, as a suffix automaton: one state per step, linear in the input's bytes to build (at most 2n states and 3n edges).
/// Built once per request; its arrays are pooled.
/// </summary>
internal sealed class SpanIndex : IDisposable
{
    public const int Root = 0;
    private const int None = -1;
    private readonly int[] _rootTargets = new int[256];
    private int[] _length;
    private int[] _link;
    private int[] _firstEdge;
    private int[] _firstEnd;
    private byte[] _label;
    private int[] _target;
    private int[] _nextEdge;
    private int[] _charactersAfter;
    private int _states = 1;
    private int _edges;

    public SpanIndex(ReadOnlySpan<byte> text)
    {
        var states = (2 * text.Length) + 2;
        var edges = (3 * text.Length) + 2;
        (_length, _link, _firstEdge, _firstEnd) = (Rent(states), Rent(states), Rent(states), Rent(states));
        (_label, _target, _nextEdge) = (ArrayPool<byte>.Shared.Rent(edges), Rent(edges), Rent(edges));
        _charactersAfter = Rent(text.Length + 1);
        (_length[Root], _link[Root], _firstEdge[Root], _firstEnd[Root]) = (0, None, None, None);
        Array.Fill(_rootTargets, None);
        CountCharacters(text);
        var last = Root;
        for (var i = 0; i < text.Length; i++)
        {
            last = Append(last, text[i], i);
        }
    }

    /// <summary>The state of the substring one byte longer; -1 when the input does not contain it.</summary>
    public int Next(int state, byte label)
    {
        if (state == Root)
        {
            return _rootTargets[label];
        }

        var edge = _firstEdge[state];
        while (edge >= 0 && _label[edge] != label)
        {
            edge = _nextEdge[edge];
        }

        return edge < 0 ? None : _target[edge];
    }

    /// <summary>How many further characters could begin after the substring, where it occurs first.</summary>
    public int CharactersAfter(int state) => _charactersAfter[_firstEnd[state] + 1];

    public void Dispose()
    {
        foreach (var array in (int[][])[_length, _link, _firstEdge, _firstEnd, _target, _nextEdge, _charactersAfter])
        {
            Return(array);
        }

        if (_label.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_label);
        }

        _length = _link = _firstEdge = _firstEnd = _target = _nextEdge = _charactersAfter = [];
        _label = [];
    }

    /// <summary>Blumer et al. 1985, as usually told: a new state for the whole prefix, edges from its suffixes, a clone where one state would mean two sets of ends.</summary>
    private int Append(int last, byte label, int position)
    {
        var current = NewState(_length[last] + 1, position);
        var state = last;
        var target = None;
        while (state != None && (target = Next(state, label)) < 0)
        {
            SetEdge(state, label, current);
            state = _link[state];
        }

        if (state == None)
        {
            _link[current] = Root;
        }
        else
        {
            _link[current] = _length[state] + 1 == _length[target] ? target : Clone(state, target, label);
        }

        return current;
    }

    private int Clone(int state, int original, byte label)
    {
        var clone = NewState(_length[state] + 1, _firstEnd[original]);
        for (var edge = _firstEdge[original]; edge >= 0; edge = _nextEdge[edge])
        {
            SetEdge(clone, _label[edge], _target[edge]);
        }

        _link[clone] = _link[original];
        _link[original] = clone;
        while (state != None && Next(state, label) == original)
        {
            SetEdge(state, label, clone);
            state = _link[state];
        }

        return clone;
    }

    private int NewState(int length, int firstEnd)
    {
        var state = _states++;
        (_length[state], _firstEdge[state], _firstEnd[state]) = (length, None, firstEnd);
        return state;
    }

    private void SetEdge(int state, byte label, int target)
    {
        if (state == Root)
        {
            _rootTargets[label] = target;
            return;
        }

        for (var edge = _firstEdge[state]; edge >= 0; edge = _nextEdge[edge])
        {
            if (_label[edge] == label)
            {
                _target[edge] = target;
                return;
            }
        }

        var added = _edges++;
        (_label[added], _target[added], _nextEdge[added]) = (label, target, _firstEdge[state]);
        _firstEdge[state] = added;
    }

    private void CountCharacters(ReadOnlySpan<byte> text)
    {
        _charactersAfter[text.Length] = 0;
        for (var i = text.Length - 1; i >= 0; i--)
        {
            var begins = (text[i] & 0xC0) != 0x80;
            _charactersAfter[i] = _charactersAfter[i + 1] + (begins ? 1 : 0);
        }
    }

    private static int[] Rent(int length) => ArrayPool<int>.Shared.Rent(length);

    private static void Return(int[] array)
    {
        if (array.Length > 0)
        {
            ArrayPool<int>.Shared.Return(array);
        }
    }
}
