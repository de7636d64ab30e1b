using System.Runtime.Intrinsics;
using Jesus.Inference.Engine.Sampling;

namespace Jesus.Inference.Tests.Engine.Sampling;

public sealed class FixedMathTests
{
    [Fact]
    public void The_exponential_is_within_some_units_of_the_last_place()
    {
        for (var x = 0f; x > -87f; x -= 0.0137f)
        {
            Assert.InRange(Exp(x) / Math.Exp(x), 1 - 3e-7, 1 + 3e-7);
        }

        Assert.Equal(1f, Exp(0));
        Assert.Equal(0f, Exp(-87.5f));
        Assert.Equal(0f, Exp(float.NegativeInfinity));
    }

    /// <summary>The bits are the contract: a change of the polynomial changes what a seed draws on every box.</summary>
    [Fact]
    public void The_exponential_has_the_same_bits_on_every_machine()
    {
        var sum = 0u;
        for (var x = 0f; x > -87f; x -= 0.0137f)
        {
            sum = unchecked((sum * 31) + BitConverter.SingleToUInt32Bits(Exp(x)));
        }

        Assert.Equal(ExpBits, sum);
    }

    private const uint ExpBits = 2444688684;

    [Fact]
    public void The_logarithm_is_within_some_units_of_the_last_place()
    {
        for (var x = 1e-8; x < 1e9; x *= 1.013)
        {
            Assert.InRange(FixedMath.Log(x) - Math.Log(x), -4e-15, 4e-15);
        }

        Assert.Equal(0.0, FixedMath.Log(1));
    }

    private static float Exp(float x) => LogitVectors.Exp(Vector256.Create(x))[3];
}
