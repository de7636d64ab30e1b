namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>A growing list of token ids that its owner clears and fills again, so a steady state allocates nothing.</summary>
public sealed class TokenBuffer
{
    private int[] _ids;

    public TokenBuffer(int capacity = 256) => _ids = new int[capacity];

    public int Count { get; private set; }
    public ReadOnlySpan<int> Span => _ids.AsSpan(0, Count);

    /// <summary>Valid until the next change.</summary>
    public ReadOnlyMemory<int> Memory => _ids.AsMemory(0, Count);

    public void Add(int id)
    {
        if (Count == _ids.Length)
        {
            Array.Resize(ref _ids, Math.Max(16, Count * 2));
        }

        _ids[Count++] = id;
    }

    public void Add(ReadOnlySpan<int> ids)
    {
        if (ids.Length > _ids.Length - Count)
        {
            Array.Resize(ref _ids, Math.Max(Count + ids.Length, Count * 2));
        }

        ids.CopyTo(_ids.AsSpan(Count));
        Count += ids.Length;
    }

    public void RemoveAt(int index)
    {
        _ids.AsSpan(index + 1, Count - index - 1).CopyTo(_ids.AsSpan(index));
        Count--;
    }

    /// <summary>From <paramref name="from"/> on, leaves one where several <paramref name="id"/> follow each other.</summary>
    public void JoinRepeats(int from, int id)
    {
        var kept = from;
        for (var i = from; i < Count; i++)
        {
            if (i == from || _ids[i] != id || _ids[i - 1] != id)
            {
                _ids[kept++] = _ids[i];
            }
        }

        Count = kept;
    }

    public void Truncate(int count) => Count = count;

    public void Clear() => Count = 0;
}
