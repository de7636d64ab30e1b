using System.Numerics;
using System.Security.Cryptography;

namespace Jesus.Tests.Nats;

/// <summary>
/// Ed25519 (RFC 8032, section 5.1) written for being read: the tests' own, so that the daemon's is checked against another. Slow and not constant in time;
/// good for keys that live as long as a test.
/// </summary>
internal static class Ed25519Signer
{
    private static readonly BigInteger P = BigInteger.Pow(2, 255) - 19;
    private static readonly BigInteger Order = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493", null);
    private static readonly BigInteger D = Mod(-121665 * Inverse(121666));
    private static readonly Point Base = DecodeBase();

    /// <summary>Coordinates x and y; the neutral element is (0, 1).</summary>
    private readonly record struct Point(BigInteger X, BigInteger Y);

    public static byte[] PublicKey(ReadOnlySpan<byte> seed) => Encode(Multiply(Base, Scalar(SHA512.HashData(seed))));

    public static byte[] Sign(ReadOnlySpan<byte> seed, ReadOnlySpan<byte> message)
    {
        var hash = SHA512.HashData(seed);
        var a = Scalar(hash);
        var publicKey = Encode(Multiply(Base, a));
        var r = Hash(hash.AsSpan(32), message);
        var commitment = Encode(Multiply(Base, r));
        var challenge = Hash([.. commitment, .. publicKey], message);
        return [.. commitment, .. Little((r + (challenge * a)) % Order)];
    }

    private static BigInteger Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second) => new BigInteger(SHA512.HashData([.. first, .. second]), isUnsigned: true) % Order;

    /// <summary>The secret scalar, clamped (section 5.1.5).</summary>
    private static BigInteger Scalar(byte[] hash)
    {
        var low = hash[..32];
        low[0] &= 0xF8;
        low[31] = (byte)((low[31] & 0x7F) | 0x40);
        return new BigInteger(low, isUnsigned: true);
    }

    /// <summary>Edwards addition: -x² + y² = 1 + d x² y².</summary>
    private static Point Add(Point p, Point q)
    {
        var product = Mod(D * p.X * q.X * p.Y * q.Y);
        return new Point(Mod(((p.X * q.Y) + (q.X * p.Y)) * Inverse(1 + product)), Mod(((p.Y * q.Y) + (p.X * q.X)) * Inverse(1 - product)));
    }

    private static Point Multiply(Point p, BigInteger times)
    {
        var sum = new Point(0, 1);
        for (; times > 0; times >>= 1, p = Add(p, p))
        {
            sum = times.IsEven ? sum : Add(sum, p);
        }

        return sum;
    }

    /// <summary>y, with the lowest bit of x as the highest bit (section 5.1.2).</summary>
    private static byte[] Encode(Point p)
    {
        var bytes = Little(p.Y);
        bytes[31] |= (byte)(p.X.IsEven ? 0 : 0x80);
        return bytes;
    }

    /// <summary>The base point has y = 4/5 and an even x (section 5.1).</summary>
    private static Point DecodeBase()
    {
        var y = Mod(4 * Inverse(5));
        var square = Mod(((y * y) - 1) * Inverse((D * y * y) + 1));
        var x = BigInteger.ModPow(square, (P + 3) / 8, P);
        x = Mod(x * x) == square ? x : Mod(x * BigInteger.ModPow(2, (P - 1) / 4, P));
        return new Point(x.IsEven ? x : P - x, y);
    }

    private static byte[] Little(BigInteger value)
    {
        var bytes = new byte[32];
        value.TryWriteBytes(bytes, out _, isUnsigned: true);
        return bytes;
    }

    private static BigInteger Inverse(BigInteger value) => BigInteger.ModPow(Mod(value), P - 2, P);

    private static BigInteger Mod(BigInteger value) => ((value % P) + P) % P;
}
