using System.Runtime.InteropServices;

namespace Jesus.Inference.Engine.KvCache;

/// <summary>
/// One sequence's blocks, in order of position: first those whose content is published and may be shared, then those that only this sequence holds and writes.
/// Gives them back on <see cref="Truncate"/> or <see cref="Dispose"/>. Belongs to the engine's thread.
/// </summary>
public sealed class BlockTable(KvBlockPool pool) : IDisposable
{
    private readonly List<BlockKey> _keys = new(64);
    private int[] _blocks = [];
    private int _count;
    private BlockKey _root;

    public ReadOnlySpan<int> Blocks => _blocks.AsSpan(0, _count);

    /// <summary>Positions that the blocks can hold.</summary>
    public int Capacity => _count * KvBlockPool.BlockPositions;

    /// <summary>Blocks at the beginning whose content is published.</summary>
    public int Published { get; private set; }

    /// <summary>Keys of the full blocks of the tokens last seen.</summary>
    public ReadOnlySpan<BlockKey> Keys => CollectionsMarshal.AsSpan(_keys);

    /// <summary>Starts another sequence of tokens. Throws nothing; the table must be empty.</summary>
    /// <param name="salt">As <see cref="BlockKey.Root"/> has it.</param>
    public void Begin(ulong salt)
    {
        _root = BlockKey.Root(salt);
        _keys.Clear();
    }

    /// <summary>Blocks that are still to be rented until <paramref name="positions"/> fit.</summary>
    public int Missing(int positions) => Math.Max(0, KvBlockPool.BlocksFor(positions) - _count);

    /// <summary>
    /// Takes blocks over that hold what comes next of the tokens, as many as there are, but never the block of the last token: it must be computed for its logits.
    /// </summary>
    /// <param name="tokens">All tokens of the sequence.</param>
    /// <returns>Positions from 0 whose keys and values are there.</returns>
    public int Adopt(ReadOnlySpan<int> tokens)
    {
        if (Published < _count)
        {
            return Published * KvBlockPool.BlockPositions;
        }

        var last = (tokens.Length - 1) / KvBlockPool.BlockPositions;
        while (_count < last && pool.TryShare(KeyOf(tokens, _count), out var block))
        {
            Append(block);
            Published++;
        }

        return Published * KvBlockPool.BlockPositions;
    }

    /// <summary>Rents what is missing for positions 0 to <paramref name="positions"/> - 1; all or nothing.</summary>
    public bool TryReserve(int positions)
    {
        var missing = Missing(positions);
        if (missing > pool.Free)
        {
            return false;
        }

        for (; missing > 0; missing--)
        {
            _ = pool.TryRent(out var block);
            Append(block);
        }

        return true;
    }

    /// <summary>Publishes the blocks that are full now.</summary>
    /// <param name="tokens">All tokens of the sequence.</param>
    /// <param name="computed">Positions from 0 whose keys and values are there and stay.</param>
    public void Publish(ReadOnlySpan<int> tokens, int computed)
    {
        for (var full = computed / KvBlockPool.BlockPositions; Published < full; Published++)
        {
            _blocks[Published] = pool.Publish(_blocks[Published], KeyOf(tokens, Published));
        }
    }

    /// <summary>The key of the block that this sequence computes next; none when the tokens do not fill it.</summary>
    public BlockKey NextKey(ReadOnlySpan<int> tokens) =>
        (Published + 1) * KvBlockPool.BlockPositions <= tokens.Length ? KeyOf(tokens, Published) : default;

    /// <summary>Returns the blocks past the first <paramref name="positions"/> positions. The last goes first, so that the pool forgets ends before beginnings.</summary>
    public void Truncate(int positions)
    {
        for (var keep = KvBlockPool.BlocksFor(positions); _count > keep;)
        {
            pool.Return(_blocks[--_count]);
        }

        Published = Math.Min(Published, _count);
    }

    public void Dispose() => Truncate(0);

    private BlockKey KeyOf(ReadOnlySpan<int> tokens, int block)
    {
        while (_keys.Count <= block)
        {
            var parent = _keys.Count == 0 ? _root : _keys[^1];
            _keys.Add(parent.Next(tokens.Slice(_keys.Count * KvBlockPool.BlockPositions, KvBlockPool.BlockPositions)));
        }

        return _keys[block];
    }

    private void Append(int block)
    {
        if (_count == _blocks.Length)
        {
            Array.Resize(ref _blocks, Math.Max(16, _count * 2));
        }

        _blocks[_count++] = block;
    }
}
