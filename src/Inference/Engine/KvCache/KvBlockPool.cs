using System.Diagnostics.CodeAnalysis;

namespace Jesus.Inference.Engine.KvCache;

/// <summary>
/// Which blocks of a backend's KV memory are free. Blocks are numbers; the memory is the backend's. Not thread-safe: it belongs to the engine's thread.
/// </summary>
public sealed class KvBlockPool
{
    /// <summary>Positions in one block.</summary>
    public const int BlockPositions = 16;

    private readonly int[] _free;
    private readonly bool[] _rented;
    private int _freeCount;

    public KvBlockPool(int blocks)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        _free = new int[blocks];
        _rented = new bool[blocks];
        for (var i = 0; i < blocks; i++)
        {
            _free[i] = blocks - 1 - i;
        }

        _freeCount = blocks;
    }

    public int Total => _free.Length;
    public int Free => _freeCount;
    public int Used => Total - Free;

    /// <summary>Blocks that <paramref name="positions"/> positions take.</summary>
    public static int BlocksFor(int positions) => (positions + BlockPositions - 1) / BlockPositions;

    public bool TryRent(out int block)
    {
        if (_freeCount == 0)
        {
            block = -1;
            return false;
        }

        block = _free[--_freeCount];
        _rented[block] = true;
        return true;
    }

    public void Return(int block)
    {
        if ((uint)block >= (uint)_rented.Length || !_rented[block])
        {
            ThrowNotRented(block);
        }

        _rented[block] = false;
        _free[_freeCount++] = block;
    }

    [DoesNotReturn]
    private static void ThrowNotRented(int block) => throw new InvalidOperationException($"KV block {block} is not rented: it was returned twice or never rented.");
}
