using System.Numerics;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>Tokens as a tree by their bytes: all that begin at a place come out of one walk. Open addressing, at most half full.</summary>
internal sealed class TokenPrefixes
{
    private readonly (long Key, int Node)[] _table;
    private readonly List<int> _tokens = [-1];
    private readonly int _shift;

    /// <param name="ids">Of tokens with at least a byte each; of those with the same bytes the first is kept.</param>
    public TokenPrefixes(Vocabulary vocabulary, IReadOnlyList<int> ids)
    {
        var bytes = 0L;
        foreach (var id in ids)
        {
            bytes += vocabulary.Bytes(id).Length;
        }

        var size = BitOperations.RoundUpToPowerOf2((ulong)Math.Max(4, Math.Min(bytes, 1L << 28) * 2));
        _table = new (long, int)[size];
        _shift = 64 - BitOperations.Log2(size);
        foreach (var id in ids)
        {
            Insert(vocabulary.Bytes(id), id);
        }
    }

    /// <summary>The root of the walk.</summary>
    public const int Root = 0;

    /// <summary>The node one byte further, or -1.</summary>
    public int Next(int node, byte value)
    {
        ref var entry = ref _table[Slot(((long)node << 8) | value)];
        return entry.Key == 0 ? -1 : entry.Node;
    }

    /// <summary>The token that ends at a node, or -1.</summary>
    public int TokenOf(int node) => _tokens[node];

    private void Insert(ReadOnlySpan<byte> bytes, int id)
    {
        var node = Root;
        foreach (var value in bytes)
        {
            var key = ((long)node << 8) | value;
            ref var entry = ref _table[Slot(key)];
            if (entry.Key == 0)
            {
                entry = (key + 1, _tokens.Count);
                _tokens.Add(-1);
            }

            node = entry.Node;
        }

        _tokens[node] = _tokens[node] < 0 ? id : _tokens[node];
    }

    /// <summary>Keys are kept one higher, so that 0 is free.</summary>
    private long Slot(long key)
    {
        var slot = (long)(((ulong)key * 0x9E3779B97F4A7C15UL) >> _shift);
        while (_table[slot].Key != 0 && _table[slot].Key != key + 1)
        {
            slot = (slot + 1) & (_table.Length - 1);
        }

        return slot;
    }
}
