using Jesus.Bench.Wire;

namespace Jesus.Appliance.Tests.Bench;

/// <summary>The codec's bench in small, so that it never rots; figures are not looked at.</summary>
public sealed class WireBenchTests
{
    [Fact]
    public void The_codec_bench_prints_every_message_beside_a_copy_of_its_bytes()
    {
        var options = WireBenchOptions.Parse(["--tiny"], out _);
        Assert.NotNull(options);
        using var output = new StringWriter();
        WireBench.Run(options, output);
        foreach (var row in new[] { "plain request write", "plain request read", "InferRequest write", "InferEvent read", "PeerStatus read", "bars:" })
        {
            Assert.Contains(row, output.ToString(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("--rounds", "0")]
    [InlineData("--milliseconds", "few")]
    [InlineData("--fast", "")]
    public void A_wrong_argument_is_named_with_what_is_allowed(string argument, string value)
    {
        Assert.Null(WireBenchOptions.Parse([argument, value], out var problem));
        Assert.Contains(argument, problem, StringComparison.Ordinal);
        Assert.Contains("--tiny", problem, StringComparison.Ordinal);
    }
}
