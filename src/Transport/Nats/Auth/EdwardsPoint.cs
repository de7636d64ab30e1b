namespace Jesus.Transport.Nats.Auth;

/// <summary>A point of edwards25519 as (X : Y : Z : T), x = X/Z, y = Y/Z, xy = T/Z. RFC 8032, section 5.1.4: the one addition holds for every pair of points.</summary>
internal readonly struct EdwardsPoint
{
    // 2d, where d = -121665/121666, and the base point's x and y; little endian.
    private static readonly FieldElement TwiceD = Hex("59f1b226949bd6eb56b183829a14e00030d1f3eef2808e19e7fcdf56dcd90624");
    private static readonly FieldElement BaseX = Hex("1ad5258f602d56c9b2a7259560c72c695cdcd6fd31e2a4c0fe536ecdd3366921");
    private static readonly FieldElement BaseY = Hex("5866666666666666666666666666666666666666666666666666666666666666");
    private static readonly EdwardsPoint Base = new(BaseX, BaseY, FieldElement.One, BaseX * BaseY);

    private readonly FieldElement _x;
    private readonly FieldElement _y;
    private readonly FieldElement _z;
    private readonly FieldElement _t;

    private EdwardsPoint(in FieldElement x, in FieldElement y, in FieldElement z, in FieldElement t)
    {
        _x = x;
        _y = y;
        _z = z;
        _t = t;
    }

    private static EdwardsPoint Neutral => new(FieldElement.Zero, FieldElement.One, FieldElement.One, FieldElement.Zero);

    /// <summary>The base point times a scalar of 32 bytes: for each bit a doubling and an addition, which a mask keeps or leaves.</summary>
    public static EdwardsPoint MultiplyBase(ReadOnlySpan<byte> scalar)
    {
        var sum = Neutral;
        for (var bit = 255; bit >= 0; bit--)
        {
            sum = Add(sum, sum);
            var mask = 0UL - (ulong)((scalar[bit >> 3] >> (bit & 7)) & 1);
            sum = Select(mask, Add(sum, Base), sum);
        }

        return sum;
    }

    /// <summary>y, and the lowest bit of x in the top bit.</summary>
    public void Encode(Span<byte> into)
    {
        var inverse = _z.Invert();
        Span<byte> x = stackalloc byte[32];
        (_x * inverse).Encode(x);
        (_y * inverse).Encode(into);
        into[31] |= (byte)((x[0] & 1) << 7);
    }

    private static EdwardsPoint Add(in EdwardsPoint p, in EdwardsPoint q)
    {
        var a = (p._y - p._x) * (q._y - q._x);
        var b = (p._y + p._x) * (q._y + q._x);
        var c = p._t * TwiceD * q._t;
        var zz = p._z * q._z;
        var d = zz + zz;
        var (e, f, g, h) = (b - a, d - c, d + c, b + a);
        return new EdwardsPoint(e * f, g * h, f * g, e * h);
    }

    private static EdwardsPoint Select(ulong mask, in EdwardsPoint one, in EdwardsPoint other) => new(
        FieldElement.Select(mask, one._x, other._x),
        FieldElement.Select(mask, one._y, other._y),
        FieldElement.Select(mask, one._z, other._z),
        FieldElement.Select(mask, one._t, other._t));

    private static FieldElement Hex(string text) => FieldElement.Decode(Convert.FromHexString(text));
}
