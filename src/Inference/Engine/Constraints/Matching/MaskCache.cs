namespace Jesus.Inference.Engine.Constraints.Matching;

/// <summary>
/// Masks by the situation they belong to. Most allow a few tokens, which are listed; the others are kept as they are. Bounded: when it is full it starts over.
/// Thread safe.
/// </summary>
internal sealed class MaskCache
{
    /// <summary>A key, an entry and their headers, beside the mask.</summary>
    private const int EntryBytes = 128;

    private readonly Dictionary<int[], Entry> _masks = new(new NumbersComparer());
    private readonly Dictionary<int[], Entry>.AlternateLookup<ReadOnlySpan<int>> _lookup;
    private long _bytes;

    public MaskCache() => _lookup = _masks.GetAlternateLookup<ReadOnlySpan<int>>();

    public bool Has(ReadOnlySpan<int> key)
    {
        lock (_masks)
        {
            return _lookup.ContainsKey(key);
        }
    }

    /// <summary>Overwrites the mask when it is known.</summary>
    public bool TryFill(ReadOnlySpan<int> key, Span<ulong> mask)
    {
        Entry entry;
        lock (_masks)
        {
            if (!_lookup.TryGetValue(key, out entry))
            {
                return false;
            }
        }

        if (entry.Words is not null)
        {
            entry.Words.CopyTo(mask);
            return true;
        }

        mask.Clear();
        foreach (var token in entry.Tokens!)
        {
            mask[token >> 6] |= 1UL << (token & 63);
        }

        return true;
    }

    public void Add(ReadOnlySpan<int> key, ReadOnlySpan<ulong> mask)
    {
        var entry = Keep(mask);
        var bytes = EntryBytes + (key.Length * sizeof(int)) + ((entry.Words?.Length ?? 0) * sizeof(ulong)) + ((entry.Tokens?.Length ?? 0) * sizeof(int));
        lock (_masks)
        {
            if (_bytes + bytes > ConstraintLimits.MaskCacheBytesMax)
            {
                _masks.Clear();
                _bytes = 0;
            }

            _bytes += bytes;
            _lookup[key] = entry;
        }
    }

    private static Entry Keep(ReadOnlySpan<ulong> mask)
    {
        var count = 0;
        foreach (var word in mask)
        {
            count += System.Numerics.BitOperations.PopCount(word);
        }

        if (count >= mask.Length * 2)
        {
            return new Entry(mask.ToArray(), null);
        }

        var tokens = new int[count];
        var filled = 0;
        for (var word = 0; word < mask.Length; word++)
        {
            for (var left = mask[word]; left != 0; left &= left - 1)
            {
                tokens[filled++] = (word * 64) + System.Numerics.BitOperations.TrailingZeroCount(left);
            }
        }

        return new Entry(null, tokens);
    }

    private readonly record struct Entry(ulong[]? Words, int[]? Tokens);

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
