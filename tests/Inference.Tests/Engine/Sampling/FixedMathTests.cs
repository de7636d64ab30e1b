using Jesus.Inference.Engine.Sampling;

namespace Jesus.Inference.Tests.Engine.Sampling;

public sealed class FixedMathTests
{
    [Fact]
    public void The_exponential_is_within_some_units_of_the_last_place()
    {
        for (var x = -690.0; x < 690; x += 0.37)
        {
            Assert.InRange(FixedMath.Exp(x) / Math.Exp(x), 1 - 1e-15, 1 + 1e-15);
        }

        Assert.Equal(1.0, FixedMath.Exp(0));
        Assert.Equal(0.0, FixedMath.Exp(-1000));
        Assert.Equal(0.0, FixedMath.Exp(double.NegativeInfinity));
    }

    [Fact]
    public void The_logarithm_is_within_some_units_of_the_last_place()
    {
        for (var x = 1e-8; x < 1e9; x *= 1.013)
        {
            Assert.InRange(FixedMath.Log(x) - Math.Log(x), -4e-15, 4e-15);
        }

        Assert.Equal(0.0, FixedMath.Log(1));
    }

    /// <summary>The bits are the contract: a change of the polynomial changes what a seed draws on every box.</summary>
    [Theory]
    [InlineData(-0.5)]
    [InlineData(-3.25)]
    [InlineData(-20.125)]
    public void The_exponential_of_a_sum_is_the_product(double x)
    {
        Assert.InRange(FixedMath.Exp(x) / (FixedMath.Exp(x / 2) * FixedMath.Exp(x / 2)), 1 - 1e-15, 1 + 1e-15);
    }
}
