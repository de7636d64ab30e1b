using Jesus.Inference.Engine.Sampling;

namespace Jesus.Inference.Tests.Engine.Sampling;

public sealed class NoiseTests
{
    /// <summary>The known answers that the authors publish with their code (Random123, kat_vectors, philox 4x32 10).</summary>
    [Fact]
    public void Philox_gives_the_published_words()
    {
        Assert.Equal((0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u), Noise.Philox(0, 0, 0, 0, 0, 0));
        Assert.Equal((0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu), Noise.Philox(~0u, ~0u, ~0u, ~0u, ~0u, ~0u));
        Assert.Equal(
            (0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u),
            Noise.Philox(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0));
    }

    [Fact]
    public void Draws_are_even_over_positions_choices_and_seeds()
    {
        AssertEven(i => Noise.Uniform(1, 0, i));
        AssertEven(i => Noise.Uniform(1, i, 7));
        AssertEven(i => Noise.Uniform((ulong)i, 0, 7));
    }

    private static void AssertEven(Func<int, double> draw)
    {
        var bins = new int[20];
        const int Draws = 40_000;
        for (var i = 0; i < Draws; i++)
        {
            bins[(int)(draw(i) * bins.Length)]++;
        }

        // Chi-square with 19 degrees of freedom: 50 has a chance of 1 in 8,000, and the draws are always the same.
        const double Expected = Draws / 20.0;
        Assert.InRange(bins.Sum(count => (count - Expected) * (count - Expected) / Expected), 4, 50);
    }
}
