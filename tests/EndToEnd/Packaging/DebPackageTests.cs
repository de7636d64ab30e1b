using System.Diagnostics;

namespace Jesus.EndToEnd.Packaging;

/// <summary>The package in a real, booted systemd: what an operator does on the first day.</summary>
public sealed class DebPackageTests
{
    /// <summary>Making the base tree takes about 90 s the first time; the rest about 15 s.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(8);

    [Fact]
    public async Task The_package_installs_answers_survives_a_kill_and_purges_without_a_trace()
    {
        var root = RepositoryRoot();
        var package = Directory.Exists(Path.Combine(root, "out"))
            ? Directory.EnumerateFiles(Path.Combine(root, "out"), "jesus_*.deb").Order(StringComparer.Ordinal).LastOrDefault()
            : null;
        Assert.SkipWhen(package is null, "No out/jesus_*.deb: run `make deb`.");
        Assert.SkipWhen(Environment.UserName != "root", "A container with systemd needs root.");
        Assert.SkipWhen(!OnPath("systemd-nspawn") || !OnPath("mmdebstrap"), "systemd-nspawn or mmdebstrap is not installed.");

        var seen = await RunScriptAsync(root, package!);

        Assert.Equal("yes", seen["installed"]);
        Assert.Equal("active", seen["active"]);
        Assert.Equal("enabled", seen["enabled"]);
        Assert.Contains("nano", seen["answer"], StringComparison.OrdinalIgnoreCase);
        Assert.Equal("jesus", seen["user"]);
        Assert.Equal("1", seen["no_new_privileges"]);
        Assert.Equal("0000000000000000", seen["capabilities"]);
        Assert.Equal("0", seen["verify"]);
        Assert.Equal("401", seen["tcp_without_key"]);
        Assert.Equal("200", seen["health"]);
        Assert.Equal("0", seen["run_exit"]);
        Assert.Equal("active", seen["after_kill"]);
        Assert.Equal("yes", seen["new_pid"]);
        Assert.Equal(seen["answer"].Length > 0, seen["answer_after_kill"].Contains("nano", StringComparison.OrdinalIgnoreCase));
        Assert.Contains("triage", seen["runs_after_kill"], StringComparison.Ordinal);
        Assert.Equal("yes", seen["purged"]);
        Assert.DoesNotContain("left_behind", seen.Keys);
    }

    private static async Task<Dictionary<string, string>> RunScriptAsync(string root, string package)
    {
        var start = new ProcessStartInfo("bash")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList =
            {
                Path.Combine(root, "tests/EndToEnd/Packaging/deb-in-systemd.sh"),
                package,
                Path.Combine(root, "out/.cache/rootfs-bookworm"),
            },
        };
        using var script = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Limit);
        var errors = script.StandardError.ReadToEndAsync(limit.Token);
        var output = await script.StandardOutput.ReadToEndAsync(limit.Token);
        await script.WaitForExitAsync(limit.Token);
        var test = TestContext.Current;
        test.SendDiagnosticMessage("{0}", output);
        Assert.True(script.ExitCode == 0, $"exit {script.ExitCode}\n{output}\n{await errors}");
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => line.Contains('='))
            .GroupBy(line => line[..line.IndexOf('=')], StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => string.Join(' ', group.Select(line => line[(line.IndexOf('=') + 1)..])), StringComparer.Ordinal);
    }

    private static bool OnPath(string command) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, command)));

    private static string RepositoryRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Jesus.sln")))
        {
            directory = directory.Parent;
        }

        return directory?.FullName ?? throw new InvalidOperationException("No Jesus.sln above the tests.");
    }
}
