using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Jesus.Inference.Engine.KvCache;

/// <summary>
/// Names what a full block holds: its 16 tokens and all tokens before them, and what else changes keys and values (the adapter). A chain of SHA-256, cut to 128 bits:
/// whoever chooses his prompt freely cannot make it name another's block.
/// </summary>
public readonly record struct BlockKey(ulong High, ulong Low)
{
    private const int HashBytes = 32;
    private const int KeyBytes = 16;

    /// <summary>Names nothing.</summary>
    public bool IsNone => this == default;

    /// <summary>The key before the first block.</summary>
    /// <param name="salt">What changes keys and values beside the tokens: 0 for the model as it is, else a number of the adapter's content.</param>
    public static BlockKey Root(ulong salt)
    {
        Span<byte> text = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(text, salt);
        return Of(text);
    }

    /// <summary>The key of the block that holds <paramref name="tokens"/> after the block of this key.</summary>
    /// <param name="tokens"><see cref="KvBlockPool.BlockPositions"/> of them.</param>
    public BlockKey Next(ReadOnlySpan<int> tokens)
    {
        Span<byte> text = stackalloc byte[KeyBytes + (KvBlockPool.BlockPositions * sizeof(int))];
        BinaryPrimitives.WriteUInt64LittleEndian(text, High);
        BinaryPrimitives.WriteUInt64LittleEndian(text[sizeof(ulong)..], Low);
        MemoryMarshal.AsBytes(tokens[..KvBlockPool.BlockPositions]).CopyTo(text[KeyBytes..]);
        return Of(text);
    }

    private static BlockKey Of(ReadOnlySpan<byte> text)
    {
        Span<byte> hash = stackalloc byte[HashBytes];
        _ = SHA256.HashData(text, hash);
        return new BlockKey(BinaryPrimitives.ReadUInt64LittleEndian(hash), BinaryPrimitives.ReadUInt64LittleEndian(hash[sizeof(ulong)..]));
    }
}
