namespace Jesus.Inference.Engine.KvCache;

/// <summary>One sequence's blocks, in order of position. Grows by whole blocks; gives them back on <see cref="Truncate"/> or <see cref="Dispose"/>.</summary>
public sealed class BlockTable(KvBlockPool pool) : IDisposable
{
    private int[] _blocks = [];
    private int _count;

    public ReadOnlySpan<int> Blocks => _blocks.AsSpan(0, _count);

    /// <summary>Positions that the blocks can hold.</summary>
    public int Capacity => _count * KvBlockPool.BlockPositions;

    /// <summary>Blocks that are still to be rented until <paramref name="positions"/> fit.</summary>
    public int Missing(int positions) => Math.Max(0, KvBlockPool.BlocksFor(positions) - _count);

    /// <summary>Rents what is missing for positions 0 to <paramref name="positions"/> - 1; all or nothing.</summary>
    public bool TryReserve(int positions)
    {
        var missing = Missing(positions);
        if (missing > pool.Free)
        {
            return false;
        }

        if (_blocks.Length < _count + missing)
        {
            Array.Resize(ref _blocks, Math.Max(_count + missing, _blocks.Length * 2));
        }

        for (; missing > 0; missing--)
        {
            _ = pool.TryRent(out _blocks[_count++]);
        }

        return true;
    }

    /// <summary>Returns the blocks past the first <paramref name="positions"/> positions.</summary>
    public void Truncate(int positions)
    {
        for (var keep = KvBlockPool.BlocksFor(positions); _count > keep;)
        {
            pool.Return(_blocks[--_count]);
        }
    }

    public void Dispose() => Truncate(0);
}
