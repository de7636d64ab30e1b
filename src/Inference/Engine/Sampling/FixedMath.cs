namespace Jesus.Inference.Engine.Sampling;

/// <summary>
/// A logarithm that gives the same bits on every machine: only IEEE 754 double additions, multiplications and divisions in a fixed
/// order, which .NET never contracts to fused ones. The C library's own differs between versions and processors.
/// </summary>
internal static class FixedMath
{
    private const double Ln2High = 6.93147180369123816490e-01, Ln2Low = 1.90821492927058770002e-10;

    /// <summary>Natural logarithm of a positive normal number, within a few units in the last place.</summary>
    public static double Log(double x)
    {
        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = (int)(bits >> 52) - 1023;
        var mantissa = BitConverter.Int64BitsToDouble((bits & 0x000F_FFFF_FFFF_FFFF) | (1023L << 52));
        if (mantissa > 1.4142135623730951)
        {
            mantissa *= 0.5;
            exponent++;
        }

        // ln m = 2 atanh((m - 1) / (m + 1)); |s| <= 0.172, so the 13th odd term is below 1e-20.
        var s = (mantissa - 1) / (mantissa + 1);
        var square = s * s;
        var sum = 0.0;
        for (var odd = 25; odd > 0; odd -= 2)
        {
            sum = (sum * square) + (1.0 / odd);
        }

        return (exponent * Ln2High) + ((exponent * Ln2Low) + (2 * s * sum));
    }
}
