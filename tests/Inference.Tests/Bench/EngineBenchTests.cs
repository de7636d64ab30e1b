using Jesus.Bench.Engine;
using Jesus.Inference.Engine.Backends;

namespace Jesus.Inference.Tests.Bench;

/// <summary>The bench in small, so that it never rots; figures are not looked at.</summary>
public sealed class EngineBenchTests
{
    [Fact]
    public void The_engine_bench_runs_and_prints_ours_the_limit_and_the_ratio()
    {
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        var folder = Directory.CreateTempSubdirectory("jesus-bench").FullName;
        try
        {
            var options = BenchOptions.Parse(["--tiny", "--folder", folder, "--threads", "1,2", "--adapter-rank", "4"], out _);
            Assert.NotNull(options);
            using var output = new StringWriter();
            EngineBench.Run(options, output);
            var text = output.ToString();
            Assert.Equal(4, text.Split("prefill").Length - 1);
            Assert.Equal(4, text.Split("decode").Length - 1);
            Assert.Equal(6, text.Split("with adapters of rank 4, ratio").Length - 1);
            Assert.Contains("ratio", text, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task The_bench_of_speculation_runs_and_finds_the_same_tokens_in_all_rows()
    {
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        var folder = Directory.CreateTempSubdirectory("jesus-bench").FullName;
        try
        {
            using var output = new StringWriter();
            Assert.Equal(0, await SpeculationBench.RunAsync(["--tiny", "--streams", "1,2", "--folder", folder], output));
            var text = output.ToString();
            Assert.Equal(18, text.Split("same tokens").Length - 1);
            Assert.DoesNotContain("OTHER TOKENS", text, StringComparison.Ordinal);
            Assert.Equal(2, await SpeculationBench.RunAsync(["--streams", "none"], output));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_benches_of_draws_and_constraints_run()
    {
        using var output = new StringWriter();
        DrawBench.Run(3_000, 2, output);
        ConstraintBench.Run("", 2_000, output);
        Assert.Contains("top-p", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("schema of 5 KB", output.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--prompt", "zero")]
    [InlineData("--threads", "1,,2")]
    [InlineData("--fast", "")]
    public void A_wrong_argument_is_named_with_what_is_allowed(string argument, string value)
    {
        Assert.Null(BenchOptions.Parse([argument, value], out var problem));
        Assert.Contains(argument, problem, StringComparison.Ordinal);
        Assert.Contains("--generate", problem, StringComparison.Ordinal);
    }
}
