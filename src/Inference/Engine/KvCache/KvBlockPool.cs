using System.Diagnostics.CodeAnalysis;

namespace Jesus.Inference.Engine.KvCache;

/// <summary>
/// Who holds which blocks of a backend's KV memory, and what the others still remember. A block is held by one sequence or shared by several; when the last
/// lets go of it, a published block keeps its content for whoever asks for the same tokens, until it is the one unused for longest and its place is needed.
/// Only unpublished blocks may be written. Blocks are numbers; the memory is the backend's. Not thread-safe: it belongs to the engine's thread.
/// </summary>
public sealed class KvBlockPool
{
    /// <summary>Positions in one block.</summary>
    public const int BlockPositions = 16;

    private readonly int[] _free;
    private readonly int[] _holders;
    private readonly BlockKey[] _keys;
    private readonly Dictionary<BlockKey, int> _published;
    private readonly BlockAges _idle;
    private int _freeCount;

    public KvBlockPool(int blocks)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        _free = new int[blocks];
        _holders = new int[blocks];
        _keys = new BlockKey[blocks];
        _published = new Dictionary<BlockKey, int>(blocks);
        _idle = new BlockAges(blocks);
        for (var i = 0; i < blocks; i++)
        {
            _free[i] = blocks - 1 - i;
        }

        _freeCount = blocks;
    }

    public int Total => _free.Length;

    /// <summary>Blocks that could be rented now; those that only remember are among them.</summary>
    public int Free => _freeCount + _idle.Count;

    /// <summary>Blocks that sequences hold.</summary>
    public int Used => Total - Free;

    /// <summary>Blocks that nobody holds and whose content can still be found.</summary>
    public int Remembered => _idle.Count;

    /// <summary>Blocks that were ever rented: whoever is returned is rented again before a new one.</summary>
    public int Touched { get; private set; }

    /// <summary>Blocks whose content was given up for another's, so far.</summary>
    public long Evictions { get; private set; }

    /// <summary>Changes whenever a block was let go of: what did not fit before may fit now.</summary>
    public long Returns { get; private set; }

    /// <summary>Blocks that <paramref name="positions"/> positions take.</summary>
    public static int BlocksFor(int positions) => (positions + BlockPositions - 1) / BlockPositions;

    /// <summary>An empty block for one holder; at need the one whose content was unused for longest.</summary>
    public bool TryRent(out int block)
    {
        if (_freeCount > 0)
        {
            block = _free[--_freeCount];
            Touched = Math.Max(Touched, Total - _freeCount);
        }
        else if (_idle.Count > 0)
        {
            block = _idle.TakeOldest();
            Forget(block);
            Evictions++;
        }
        else
        {
            block = -1;
            return false;
        }

        _holders[block] = 1;
        return true;
    }

    /// <summary>Makes a published block's content one's own, beside its other holders.</summary>
    public bool TryShare(in BlockKey key, out int block)
    {
        if (!_published.TryGetValue(key, out block))
        {
            return false;
        }

        if (_holders[block]++ == 0)
        {
            _idle.Remove(block);
        }

        return true;
    }

    /// <summary>The content can be found.</summary>
    public bool Remembers(in BlockKey key) => _published.ContainsKey(key);

    /// <summary>
    /// Lets others find what a full block of one holder holds; from now on it is never written. Answers the block to hold from now on: another one, where the same
    /// content was published already (equal tokens give equal bits), and this one is free again.
    /// </summary>
    public int Publish(int block, in BlockKey key)
    {
        if (!IsWritable(block))
        {
            ThrowNotWritable(block);
        }

        if (TryShare(key, out var other))
        {
            Return(block);
            return other;
        }

        _published.Add(key, block);
        _keys[block] = key;
        return block;
    }

    /// <summary>Held by one sequence and never published.</summary>
    public bool IsWritable(int block) => _holders[block] == 1 && _keys[block].IsNone;

    /// <summary>One holder fewer.</summary>
    public void Return(int block)
    {
        if ((uint)block >= (uint)_holders.Length || _holders[block] == 0)
        {
            ThrowNotHeld(block);
        }

        Returns++;
        if (--_holders[block] > 0)
        {
            return;
        }

        if (_keys[block].IsNone)
        {
            _free[_freeCount++] = block;
        }
        else
        {
            _idle.AddNewest(block);
        }
    }

    private void Forget(int block)
    {
        _ = _published.Remove(_keys[block]);
        _keys[block] = default;
    }

    [DoesNotReturn]
    private static void ThrowNotHeld(int block) => throw new InvalidOperationException($"KV block {block} is not rented: it was returned twice or never rented.");

    [DoesNotReturn]
    private static void ThrowNotWritable(int block) =>
        throw new InvalidOperationException($"KV block {block} is shared or published already: what others read must not be written or published again.");
}
