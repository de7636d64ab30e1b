using System.Diagnostics;
using System.Runtime.CompilerServices;
using Jesus.Bench.Nats;

namespace Jesus.Transport.Tests.Bench;

/// <summary>The NATS bench in small, so that it never rots; figures are not looked at.</summary>
public sealed class NatsBenchTests
{
    private const string Server = "/usr/sbin/nats-server";
    private static readonly string[] Compilers = ["/usr/bin/gcc", "/usr/bin/cc"];

    [Fact]
    public async Task The_nats_bench_runs_every_row_beside_plain_sockets()
    {
        Assert.SkipUnless(File.Exists(Server), $"{Server} is not there: run eng/setup-tests.sh, or install the Debian package nats-server.");
        var compiler = Array.Find(Compilers, File.Exists);
        Assert.SkipWhen(compiler is null, "no C compiler: the plain sockets are written in C");
        var folder = Directory.CreateTempSubdirectory("jesus-bench-nats").FullName;
        try
        {
            var raw = Path.Combine(folder, "raw");
            using var compiling = Process.Start(compiler!, ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", raw, Source()]);
            await compiling.WaitForExitAsync();
            Assert.Equal(0, compiling.ExitCode);
            var options = NatsBenchOptions.Parse(["--tiny", "--raw", raw], out _);
            Assert.NotNull(options);
            using var output = new StringWriter();
            await NatsBench.RunAsync(options, output);
            foreach (var row in new[] { "publish", "subscribe", "request 1 ", "request 16", "request 256" })
            {
                Assert.Contains(row, output.ToString(), StringComparison.Ordinal);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("--rounds", "none")]
    [InlineData("--seconds", "-1")]
    [InlineData("--fast", "")]
    public void A_wrong_argument_is_named_with_what_is_allowed(string argument, string value)
    {
        Assert.Null(NatsBenchOptions.Parse([argument, value], out var problem));
        Assert.Contains(argument, problem, StringComparison.Ordinal);
        Assert.Contains("--messages", problem, StringComparison.Ordinal);
    }

    private static string Source([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "bench", "Nats", "raw.c"));
}
