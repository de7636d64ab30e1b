using System.Collections;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using Jesus.Appliance.Config;

namespace Jesus.Appliance.Tests.Federation;

/// <summary>What docs/federation.md shows is what is there.</summary>
public sealed partial class FederationDocsTests
{
    private static readonly string[] Lines = File.ReadAllLines(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "../../../docs/federation.md")));

    [Fact]
    public void The_first_example_is_a_configuration_that_loads()
    {
        var example = string.Join('\n', Lines.SkipWhile(l => !l.StartsWith("    ", StringComparison.Ordinal)).TakeWhile(l => l.StartsWith("    ", StringComparison.Ordinal)));
        var loaded = ConfigLoader.Parse(Encoding.UTF8.GetBytes(example), "federation.md", new Hashtable());
        Assert.Empty(loaded.Errors);
        Assert.True(loaded.Config.Federation.IsOn);
    }

    [Fact]
    public void Every_key_of_the_section_is_described()
    {
        var text = string.Join('\n', Lines);
        var keys = ConfigLoader.Parse("{}"u8, "x", new Hashtable()).Dump().Values.Select(v => v.Path).Where(p => p.StartsWith("federation.", StringComparison.Ordinal));
        foreach (var key in keys.Select(k => IndexOrStar().Replace(k["federation.".Length..], "").Split('.')[^1]).Where(k => k.Length > 0).Distinct())
        {
            Assert.True(text.Contains($"`{key}`", StringComparison.Ordinal) || text.Contains($".{key}`", StringComparison.Ordinal),
                $"docs/federation.md does not describe '{key}'");
        }
    }

    private static string Here([CallerFilePath] string path = "") => path;

    [GeneratedRegex(@"\[\d+\]|\.\*")]
    private static partial Regex IndexOrStar();
}
