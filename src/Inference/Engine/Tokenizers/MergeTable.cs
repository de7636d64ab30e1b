using System.Numerics;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>Pairs of tokens that merge, with their rank (lower first) and the token they become. Open addressing, at most half full.</summary>
internal sealed class MergeTable
{
    private const ulong Free = ulong.MaxValue;
    private readonly ulong[] _keys;
    private readonly (uint Rank, int Merged)[] _values;
    private readonly int _shift;

    public MergeTable(int capacity)
    {
        var size = BitOperations.RoundUpToPowerOf2((uint)Math.Max(4, capacity * 2L));
        _keys = new ulong[size];
        _values = new (uint, int)[size];
        _shift = 64 - BitOperations.Log2(size);
        Array.Fill(_keys, Free);
    }

    /// <summary>The first rank given to a pair is kept.</summary>
    public void Add(int left, int right, uint rank, int merged)
    {
        var key = Key(left, right);
        var slot = Slot(key);
        if (_keys[slot] == Free)
        {
            _keys[slot] = key;
            _values[slot] = (rank, merged);
        }
    }

    public bool TryGet(int left, int right, out uint rank, out int merged)
    {
        var key = Key(left, right);
        var slot = Slot(key);
        (rank, merged) = _values[slot];
        return _keys[slot] == key;
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    /// <summary>The key's slot, or the free one where it would go.</summary>
    private uint Slot(ulong key)
    {
        var mask = (uint)_keys.Length - 1;
        var slot = (uint)((key * 0x9E3779B97F4A7C15UL) >> _shift);
        while (_keys[slot] != key && _keys[slot] != Free)
        {
            slot = (slot + 1) & mask;
        }

        return slot;
    }
}
