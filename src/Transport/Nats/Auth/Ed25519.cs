using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Jesus.Transport.Nats.Auth;

/// <summary>
/// Signs as RFC 8032, section 5.1, has it (the framework has no Ed25519). What depends on the secret takes the same steps whatever its bits are: no branch and no
/// table is chosen by one. Used once a connect: so no precomputed tables.
/// </summary>
internal static class Ed25519
{
    public const int SeedBytes = 32;
    public const int SignatureBytes = 64;

    public static byte[] PublicKey(ReadOnlySpan<byte> seed)
    {
        Span<byte> expanded = stackalloc byte[64];
        Expand(seed, expanded);
        var key = new byte[32];
        EdwardsPoint.MultiplyBase(expanded[..32]).Encode(key);
        CryptographicOperations.ZeroMemory(expanded);
        return key;
    }

    public static byte[] Sign(ReadOnlySpan<byte> seed, ReadOnlySpan<byte> message)
    {
        Span<byte> expanded = stackalloc byte[64];
        Expand(seed, expanded);
        var secret = expanded[..32];
        var signature = new byte[SignatureBytes];
        Span<byte> publicKey = stackalloc byte[32];
        EdwardsPoint.MultiplyBase(secret).Encode(publicKey);

        // r = SHA-512(prefix, message), R = rB, k = SHA-512(R, A, message), S = r + k * secret, all modulo the group's order.
        Span<byte> r = stackalloc byte[32];
        Span<byte> k = stackalloc byte[32];
        HashModOrder(expanded[32..], default, message, r);
        EdwardsPoint.MultiplyBase(r).Encode(signature);
        HashModOrder(signature.AsSpan(0, 32), publicKey, message, k);
        GroupOrder.MultiplyAdd(k, secret, r, signature.AsSpan(32));
        CryptographicOperations.ZeroMemory(expanded);
        CryptographicOperations.ZeroMemory(r);
        return signature;
    }

    private static void Expand(ReadOnlySpan<byte> seed, Span<byte> expanded)
    {
        SHA512.HashData(seed, expanded);
        expanded[0] &= 0xF8;
        expanded[31] = (byte)((expanded[31] & 0x7F) | 0x40);
    }

    private static void HashModOrder(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third, Span<byte> into)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        hash.AppendData(first);
        hash.AppendData(second);
        hash.AppendData(third);
        Span<byte> digest = stackalloc byte[64];
        hash.GetHashAndReset(digest);
        GroupOrder.Reduce(digest, into);
        CryptographicOperations.ZeroMemory(digest);
    }
}

/// <summary>Numbers modulo L = 2^252 + 27742317777372353535851937790883648493, the order of the base point's group; 32 bytes, little endian.</summary>
internal static class GroupOrder
{
    private static readonly ulong[] L = [0x5812631A5CF5D3ED, 0x14DEF9DEA2F79CD6, 0, 0x1000000000000000];

    /// <summary>64 bytes modulo L.</summary>
    public static void Reduce(ReadOnlySpan<byte> wide, Span<byte> into)
    {
        Span<ulong> words = stackalloc ulong[8];
        for (var i = 0; i < 8; i++)
        {
            words[i] = BinaryPrimitives.ReadUInt64LittleEndian(wide[(8 * i)..]);
        }

        ReduceWords(words, into);
    }

    /// <summary>a * b + c modulo L.</summary>
    public static void MultiplyAdd(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> c, Span<byte> into)
    {
        Span<ulong> sum = stackalloc ulong[8];
        sum.Clear();
        for (var i = 0; i < 4; i++)
        {
            sum[i] = BinaryPrimitives.ReadUInt64LittleEndian(c[(8 * i)..]);
        }

        for (var i = 0; i < 4; i++)
        {
            UInt128 carry = 0;
            var factor = BinaryPrimitives.ReadUInt64LittleEndian(a[(8 * i)..]);
            for (var j = 0; j < 4; j++)
            {
                carry += ((UInt128)factor * BinaryPrimitives.ReadUInt64LittleEndian(b[(8 * j)..])) + sum[i + j];
                sum[i + j] = (ulong)carry;
                carry >>= 64;
            }

            for (var j = i + 4; j < 8; j++)
            {
                carry += sum[j];
                sum[j] = (ulong)carry;
                carry >>= 64;
            }
        }

        ReduceWords(sum, into);
    }

    // From the top bit down: double, add the bit, take L away where it fits. 512 rounds of a few instructions, the same for every number.
    private static void ReduceWords(ReadOnlySpan<ulong> words, Span<byte> into)
    {
        Span<ulong> rest = stackalloc ulong[4];
        rest.Clear();
        for (var bit = 511; bit >= 0; bit--)
        {
            var carry = (words[bit >> 6] >> (bit & 63)) & 1;
            for (var i = 0; i < 4; i++)
            {
                var next = rest[i] >> 63;
                rest[i] = (rest[i] << 1) | carry;
                carry = next;
            }

            SubtractOnce(rest);
        }

        for (var i = 0; i < 4; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(into[(8 * i)..], rest[i]);
        }
    }

    private static void SubtractOnce(Span<ulong> rest)
    {
        Span<ulong> less = stackalloc ulong[4];
        ulong borrow = 0;
        for (var i = 0; i < 4; i++)
        {
            var difference = (UInt128)rest[i] - L[i] - borrow;
            less[i] = (ulong)difference;
            borrow = (ulong)(difference >> 64) & 1;
        }

        // All ones where nothing was borrowed.
        var mask = borrow - 1;
        for (var i = 0; i < 4; i++)
        {
            rest[i] = (less[i] & mask) | (rest[i] & ~mask);
        }
    }
}
