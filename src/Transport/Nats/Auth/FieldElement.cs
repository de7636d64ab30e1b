using System.Buffers.Binary;

namespace Jesus.Transport.Nats.Auth;

/// <summary>A number modulo p = 2^255 - 19 in five limbs of 51 bits. Every result's limbs are below 2^52, which leaves the products of the next operation room.</summary>
internal readonly struct FieldElement
{
    private const ulong LimbMask = (1UL << 51) - 1;

    private readonly ulong _a;
    private readonly ulong _b;
    private readonly ulong _c;
    private readonly ulong _d;
    private readonly ulong _e;

    private FieldElement(ulong a, ulong b, ulong c, ulong d, ulong e)
    {
        _a = a;
        _b = b;
        _c = c;
        _d = d;
        _e = e;
    }

    public static FieldElement Zero => default;

    public static FieldElement One => new(1, 0, 0, 0, 0);

    /// <summary>32 bytes, little endian; the top bit is left out.</summary>
    public static FieldElement Decode(ReadOnlySpan<byte> bytes)
    {
        var w0 = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        var w1 = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        var w2 = BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]);
        var w3 = BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]);
        return new FieldElement(
            w0 & LimbMask,
            ((w0 >> 51) | (w1 << 13)) & LimbMask,
            ((w1 >> 38) | (w2 << 26)) & LimbMask,
            ((w2 >> 25) | (w3 << 39)) & LimbMask,
            (w3 >> 12) & LimbMask);
    }

    public static FieldElement operator +(in FieldElement x, in FieldElement y) =>
        Carry(x._a + y._a, x._b + y._b, x._c + y._c, x._d + y._d, x._e + y._e);

    /// <summary>With 4 p added, so that no limb goes below zero.</summary>
    public static FieldElement operator -(in FieldElement x, in FieldElement y)
    {
        const ulong Lowest = ((1UL << 51) - 19) * 4;
        const ulong Other = LimbMask * 4;
        return Carry(x._a + Lowest - y._a, x._b + Other - y._b, x._c + Other - y._c, x._d + Other - y._d, x._e + Other - y._e);
    }

    // What passes 2^255 comes back at the bottom times 19.
    public static FieldElement operator *(in FieldElement x, in FieldElement y)
    {
        var (b19, c19, d19, e19) = (y._b * 19, y._c * 19, y._d * 19, y._e * 19);
        var a = Product(x._a, y._a) + Product(x._b, e19) + Product(x._c, d19) + Product(x._d, c19) + Product(x._e, b19);
        var b = Product(x._a, y._b) + Product(x._b, y._a) + Product(x._c, e19) + Product(x._d, d19) + Product(x._e, c19);
        var c = Product(x._a, y._c) + Product(x._b, y._b) + Product(x._c, y._a) + Product(x._d, e19) + Product(x._e, d19);
        var d = Product(x._a, y._d) + Product(x._b, y._c) + Product(x._c, y._b) + Product(x._d, y._a) + Product(x._e, e19);
        var e = Product(x._a, y._e) + Product(x._b, y._d) + Product(x._c, y._c) + Product(x._d, y._b) + Product(x._e, y._a);
        b += a >> 51;
        c += b >> 51;
        d += c >> 51;
        e += d >> 51;
        var low = ((ulong)a & LimbMask) + ((ulong)(e >> 51) * 19);
        return Carry(low, (ulong)b & LimbMask, (ulong)c & LimbMask, (ulong)d & LimbMask, (ulong)e & LimbMask);
    }

    /// <summary><paramref name="one"/> where the mask is all ones, <paramref name="other"/> where it is 0.</summary>
    public static FieldElement Select(ulong mask, in FieldElement one, in FieldElement other) => new(
        (one._a & mask) | (other._a & ~mask),
        (one._b & mask) | (other._b & ~mask),
        (one._c & mask) | (other._c & ~mask),
        (one._d & mask) | (other._d & ~mask),
        (one._e & mask) | (other._e & ~mask));

    /// <summary>To the power of p - 2 = 2^255 - 21, whose bits are all ones but the second and the fourth.</summary>
    public FieldElement Invert()
    {
        var power = this;
        for (var bit = 253; bit >= 0; bit--)
        {
            power *= power;
            if (bit is not (2 or 4))
            {
                power *= this;
            }
        }

        return power;
    }

    /// <summary>The one value below p, 32 bytes, little endian.</summary>
    public void Encode(Span<byte> into)
    {
        var whole = Carry(_a, _b, _c, _d, _e);
        var (a, b, c, d, e) = (whole._a, whole._b, whole._c, whole._d, whole._e);

        // q is 1 where the value is p or more: where adding 19 carries out of the top.
        var q = (a + 19) >> 51;
        q = (b + q) >> 51;
        q = (c + q) >> 51;
        q = (d + q) >> 51;
        q = (e + q) >> 51;
        a += 19 * q;
        b += a >> 51;
        c += b >> 51;
        d += c >> 51;
        e += d >> 51;
        (a, b, c, d, e) = (a & LimbMask, b & LimbMask, c & LimbMask, d & LimbMask, e & LimbMask);
        BinaryPrimitives.WriteUInt64LittleEndian(into, a | (b << 51));
        BinaryPrimitives.WriteUInt64LittleEndian(into[8..], (b >> 13) | (c << 38));
        BinaryPrimitives.WriteUInt64LittleEndian(into[16..], (c >> 26) | (d << 25));
        BinaryPrimitives.WriteUInt64LittleEndian(into[24..], (d >> 39) | (e << 12));
    }

    private static UInt128 Product(ulong x, ulong y) => (UInt128)x * y;

    private static FieldElement Carry(ulong a, ulong b, ulong c, ulong d, ulong e)
    {
        b += a >> 51;
        c += b >> 51;
        d += c >> 51;
        e += d >> 51;
        return new FieldElement((a & LimbMask) + ((e >> 51) * 19), b & LimbMask, c & LimbMask, d & LimbMask, e & LimbMask);
    }
}
