namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>Which two neighbours may become one, and how soon.</summary>
internal interface IMergeRule
{
    /// <summary>Lower merges first; equal ones from the left.</summary>
    bool TryMerge(in Symbol left, in Symbol right, ReadOnlySpan<byte> text, out uint order, out int merged);
}

/// <summary>A piece of the text on its way to a token: a link in the chain of pieces. <see cref="Id"/> is -1 when no token stands for it.</summary>
internal struct Symbol
{
    public int Start;
    public int Length;
    public int Id;
    public int Previous;
    public int Next;
}

/// <summary>
/// Greedy pairwise merging with a heap: n log n for n pieces, so a word of a megabyte is no attack. Owns its scratch; one thread at a time.
/// </summary>
internal sealed class BytePairMerger
{
    private readonly record struct Candidate(ulong Order, int Left, int Right, int Length, int Merged);

    private Symbol[] _symbols = new Symbol[64];
    private Candidate[] _heap = new Candidate[64];
    private int _symbolCount;
    private int _heapCount;

    /// <summary>Bytes kept between calls.</summary>
    public long ScratchBytes => (_symbols.LongLength * 20) + (_heap.LongLength * 24);

    public void Begin()
    {
        _symbolCount = 0;
        _heapCount = 0;
    }

    public void Add(int start, int length, int id)
    {
        if (_symbolCount == _symbols.Length)
        {
            Array.Resize(ref _symbols, _symbolCount * 2);
        }

        _symbols[_symbolCount] = new Symbol { Start = start, Length = length, Id = id, Previous = _symbolCount - 1, Next = _symbolCount + 1 };
        _symbolCount++;
    }

    /// <summary>Merges until no pair may; then <see cref="Symbol.Next"/> walks the result from symbol 0 to <see cref="Count"/>.</summary>
    public void Merge<TRule>(ReadOnlySpan<byte> text, scoped in TRule rule)
        where TRule : IMergeRule, allows ref struct
    {
        for (var i = 0; i + 1 < _symbolCount; i++)
        {
            Offer(i, i + 1, text, in rule);
        }

        while (_heapCount > 0)
        {
            var next = Pop();
            if (IsCurrent(next))
            {
                Join(next);
                Offer(_symbols[next.Left].Previous, next.Left, text, in rule);
                Offer(next.Left, _symbols[next.Left].Next, text, in rule);
            }
        }
    }

    public int Count => _symbolCount;

    public ref readonly Symbol this[int index] => ref _symbols[index];

    private bool IsCurrent(in Candidate candidate)
    {
        ref readonly var left = ref _symbols[candidate.Left];
        return left.Length > 0 && left.Next == candidate.Right && left.Length + _symbols[candidate.Right].Length == candidate.Length;
    }

    private void Join(in Candidate candidate)
    {
        ref var left = ref _symbols[candidate.Left];
        ref var right = ref _symbols[candidate.Right];
        left.Length = candidate.Length;
        left.Id = candidate.Merged;
        left.Next = right.Next;
        right.Length = 0;
        if (right.Next < _symbolCount)
        {
            _symbols[right.Next].Previous = candidate.Left;
        }
    }

    private void Offer<TRule>(int left, int right, ReadOnlySpan<byte> text, scoped in TRule rule)
        where TRule : IMergeRule, allows ref struct
    {
        if (left < 0 || right >= _symbolCount || !rule.TryMerge(in _symbols[left], in _symbols[right], text, out var order, out var merged))
        {
            return;
        }

        Push(new Candidate(((ulong)order << 32) | (uint)left, left, right, _symbols[left].Length + _symbols[right].Length, merged));
    }

    private void Push(in Candidate candidate)
    {
        if (_heapCount == _heap.Length)
        {
            Array.Resize(ref _heap, _heapCount * 2);
        }

        var child = _heapCount++;
        while (child > 0 && _heap[(child - 1) / 2].Order > candidate.Order)
        {
            _heap[child] = _heap[(child - 1) / 2];
            child = (child - 1) / 2;
        }

        _heap[child] = candidate;
    }

    private Candidate Pop()
    {
        var top = _heap[0];
        var last = _heap[--_heapCount];
        var parent = 0;
        for (var child = 1; child < _heapCount; child = (parent * 2) + 1)
        {
            if (child + 1 < _heapCount && _heap[child + 1].Order < _heap[child].Order)
            {
                child++;
            }

            if (_heap[child].Order >= last.Order)
            {
                break;
            }

            _heap[parent] = _heap[child];
            parent = child;
        }

        _heap[parent] = last;
        return top;
    }
}
