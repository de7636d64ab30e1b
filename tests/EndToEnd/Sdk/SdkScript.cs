using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Jesus.EndToEnd.Binary;
using Jesus.Tests.Processes;

namespace Jesus.EndToEnd.Sdk;

/// <summary>
/// A script of an npm client's checks (<c>Sdk/Npm/*.mjs</c>): each <c>check('name', ...)</c> in it is a test of its own, and the script is run once for all of
/// them. A test class lists the names with <see cref="ChecksOf"/> and asserts each on the outcome of <see cref="RunAsync"/>.
/// </summary>
internal static partial class SdkScript
{
    /// <summary>A script that has not ended after this hangs; each of its checks has a limit of its own.</summary>
    private static readonly TimeSpan ScriptMax = TimeSpan.FromMinutes(10);

    private static string Folder => Path.Combine(JesusBinary.Root, "tests/EndToEnd/Sdk/Npm");

    /// <summary>The names of a script's checks, in its order.</summary>
    public static TheoryData<string> ChecksOf(string script) =>
        [.. CheckName().Matches(File.ReadAllText(Path.Combine(Folder, script))).Select(match => match.Groups["name"].Value)];

    public static void SkipIfAbsent() => Assert.SkipUnless(
        Directory.Exists(Path.Combine(Folder, "node_modules")), "The npm clients are not installed: eng/setup-tests.sh does it where node and npm are there.");

    /// <summary>Runs the script against the daemon at <paramref name="url"/>.</summary>
    /// <param name="script">The file's name.</param>
    /// <param name="url">The daemon's address, without a path.</param>
    /// <param name="key">An API key of the daemon.</param>
    /// <returns>By check: null where it passed, else what failed.</returns>
    public static async Task<IReadOnlyDictionary<string, string?>> RunAsync(string script, string url, string key)
    {
        SkipIfAbsent();
        var start = new ProcessStartInfo("node", [script]) { WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["JESUS_BASE_URL"] = url;
        start.Environment["JESUS_API_KEY"] = key;

        using var process = await ProcessStarter.StartAsync(start);
        using var limit = new CancellationTokenSource(ScriptMax);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return OutcomesOf(script, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    /// <summary>A check that the script never came to (it broke off) has failed with what the script said.</summary>
    private static Dictionary<string, string?> OutcomesOf(string script, string output, string error)
    {
        var outcomes = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var row in ChecksOf(script))
        {
            outcomes[row.Data] = $"{script} ended before it.\n{error}";
        }

        foreach (var line in output.Split('\n').Where(line => line.StartsWith('{')))
        {
            var report = JsonDocument.Parse(line).RootElement;
            outcomes[report.GetProperty("check").GetString()!] = report.GetProperty("failure").GetString();
        }

        return outcomes;
    }

    [GeneratedRegex(@"^\s*check\('(?<name>[^']+)'", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex CheckName();
}
