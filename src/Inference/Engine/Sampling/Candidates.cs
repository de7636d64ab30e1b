namespace Jesus.Inference.Engine.Sampling;

/// <summary>
/// The tokens that may be drawn, each with a weight. Kept in the order of their ids until a filter ranks them: then the likeliest come first,
/// equal ones by id. The order is part of the result, since a draw walks it.
/// </summary>
internal sealed class Candidates
{
    private readonly int[] _tokens;
    private readonly double[] _weights;
    private int _ranked;

    public Candidates(int capacity)
    {
        _tokens = new int[capacity];
        _weights = new double[capacity];
    }

    public int Count { get; private set; }

    public void Clear() => (Count, _ranked) = (0, 0);

    public void Add(int token, double weight)
    {
        _tokens[Count] = token;
        _weights[Count++] = weight;
    }

    /// <summary>Keeps the k likeliest.</summary>
    public void KeepTop(int k)
    {
        if (k <= 0 || k >= Count)
        {
            return;
        }

        BuildHeap();
        while (_ranked < k)
        {
            RankNext();
        }

        Unheap(k);
    }

    /// <summary>Keeps the smallest set of the likeliest that holds this share of the whole weight.</summary>
    public void KeepShare(double share)
    {
        if (share is <= 0 or >= 1)
        {
            return;
        }

        var enough = Sum() * share;
        if (_ranked < Count)
        {
            BuildHeap();
        }

        var (kept, sum) = (0, 0.0);
        while (kept < Count && sum < enough)
        {
            if (kept == _ranked)
            {
                RankNext();
            }

            sum += WeightAt(kept++);
        }

        Unheap(Math.Max(kept, 1));
    }

    /// <summary>Drops what weighs less than this share of the heaviest.</summary>
    public void KeepFrom(double share)
    {
        if (share <= 0)
        {
            return;
        }

        var least = share * Heaviest();
        var kept = 0;
        for (var i = 0; i < Count; i++)
        {
            if (_weights[i] >= least)
            {
                (_tokens[kept], _weights[kept]) = (_tokens[i], _weights[i]);
                kept++;
            }
        }

        Count = kept;
    }

    /// <summary>The token at which the running sum of weights passes the given part of the whole.</summary>
    public int Draw(double uniform)
    {
        var target = uniform * Sum();
        var sum = 0.0;
        for (var i = 0; i < Count; i++)
        {
            sum += _weights[i];
            if (target < sum)
            {
                return _tokens[i];
            }
        }

        return _tokens[LastWithWeight()];
    }

    private int LastWithWeight()
    {
        var i = Count - 1;
        while (i > 0 && _weights[i] == 0)
        {
            i--;
        }

        return i;
    }

    private double Sum()
    {
        var sum = 0.0;
        for (var i = 0; i < Count; i++)
        {
            sum += _weights[i];
        }

        return sum;
    }

    private double Heaviest()
    {
        var heaviest = 0.0;
        for (var i = 0; i < Count; i++)
        {
            heaviest = Math.Max(heaviest, _weights[i]);
        }

        return heaviest;
    }

    // A max-heap over all, then ranks are taken off its top to the array's end: rank r stands at Count - 1 - r. Ranking k of n costs n + k log n.
    private double WeightAt(int rank) => _weights[Count - 1 - rank];

    private void BuildHeap()
    {
        _ranked = 0;
        for (var i = (Count / 2) - 1; i >= 0; i--)
        {
            SiftDown(i, Count);
        }
    }

    private void RankNext()
    {
        var last = Count - 1 - _ranked++;
        Swap(0, last);
        SiftDown(0, last);
    }

    /// <summary>Makes the first ranks the whole list, likeliest first.</summary>
    private void Unheap(int kept)
    {
        Array.Reverse(_tokens, Count - kept, kept);
        Array.Reverse(_weights, Count - kept, kept);
        Array.Copy(_tokens, Count - kept, _tokens, 0, kept);
        Array.Copy(_weights, Count - kept, _weights, 0, kept);
        (Count, _ranked) = (kept, 0);
    }

    private void SiftDown(int index, int end)
    {
        while (true)
        {
            var child = (2 * index) + 1;
            if (child >= end)
            {
                return;
            }

            if (child + 1 < end && IsBefore(child + 1, child))
            {
                child++;
            }

            if (!IsBefore(child, index))
            {
                return;
            }

            Swap(index, child);
            index = child;
        }
    }

    private bool IsBefore(int left, int right) =>
        _weights[left] > _weights[right] || (_weights[left] == _weights[right] && _tokens[left] < _tokens[right]);

    private void Swap(int left, int right)
    {
        (_tokens[left], _tokens[right]) = (_tokens[right], _tokens[left]);
        (_weights[left], _weights[right]) = (_weights[right], _weights[left]);
    }
}
