namespace Jesus.Inference.Engine.Constraints.Matching;

/// <summary>Masks by the situation they belong to. Bounded: when it is full it starts over.</summary>
internal sealed class MaskCache
{
    private readonly Dictionary<int[], ulong[]> _masks = new(new NumbersComparer());
    private readonly Dictionary<int[], ulong[]>.AlternateLookup<ReadOnlySpan<int>> _lookup;
    private readonly int _countMax;

    public MaskCache(int maskWords)
    {
        _lookup = _masks.GetAlternateLookup<ReadOnlySpan<int>>();
        _countMax = Math.Max(ConstraintLimits.MaskCacheBytesMax / ((maskWords * sizeof(ulong)) + 64), 1);
    }

    public bool TryGet(ReadOnlySpan<int> key, out ulong[]? mask)
    {
        lock (_masks)
        {
            return _lookup.TryGetValue(key, out mask);
        }
    }

    public void Add(ReadOnlySpan<int> key, ReadOnlySpan<ulong> mask)
    {
        lock (_masks)
        {
            if (_masks.Count >= _countMax)
            {
                _masks.Clear();
            }

            _lookup[key] = mask.ToArray();
        }
    }

    private sealed class NumbersComparer : IEqualityComparer<int[]>, IAlternateEqualityComparer<ReadOnlySpan<int>, int[]>
    {
        public bool Equals(int[]? left, int[]? right) => left.AsSpan().SequenceEqual(right);

        public int GetHashCode(int[] numbers) => GetHashCode(numbers.AsSpan());

        public bool Equals(ReadOnlySpan<int> alternate, int[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<int> alternate)
        {
            var hash = new HashCode();
            hash.AddBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(alternate));
            return hash.ToHashCode();
        }

        public int[] Create(ReadOnlySpan<int> alternate) => alternate.ToArray();
    }
}
