namespace Jesus.Appliance.Tests.Faults;

/// <summary>docs/faults.md: each API's rows stand between two comments and are compared, or written when <c>JESUS_BLESS=1</c>.</summary>
internal static class FaultDocument
{
    private const string Head =
        "| fault | on the wire | cause | a client of OpenAI's API sees | a client of Anthropic's API sees "
        + "| next candidate | with `commit: complete` | charged |\n|---|---|---|---|---|---|---|---|";

    private static readonly Lock Gate = new();

    public static void Check(string api, IReadOnlyList<string> rows)
    {
        var table = Head + "\n" + string.Join('\n', rows);
        var path = PathOf();
        lock (Gate)
        {
            var text = File.ReadAllText(path);
            var (from, to) = RangeOf(text, api);
            if (Environment.GetEnvironmentVariable("JESUS_BLESS") == "1")
            {
                File.WriteAllText(path, text[..from] + table + text[to..]);
                return;
            }

            var wrong = Differences(text[from..to].Split('\n'), table.Split('\n'));
            Assert.True(wrong.Length == 0, $"docs/faults.md differs from what happens ({api}); JESUS_BLESS=1 writes it anew:\n{wrong}");
        }
    }

    private static (int From, int To) RangeOf(string text, string api)
    {
        var begin = $"<!-- table: {api} -->\n";
        var from = text.IndexOf(begin, StringComparison.Ordinal);
        var to = from < 0 ? -1 : text.IndexOf("\n<!-- end -->", from, StringComparison.Ordinal);
        Assert.True(to > 0, $"docs/faults.md has no '{begin.Trim()}' with its end.");
        return (from + begin.Length, Math.Max(to, from + begin.Length));
    }

    private static string Differences(string[] expected, string[] actual) => string.Join('\n', expected.Except(actual).Select(r => "- " + r)
        .Concat(actual.Except(expected).Select(r => "+ " + r)));

    private static string PathOf()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Jesus.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The repository's root is not above the tests.");
        }

        return Path.Combine(folder, "docs", "faults.md");
    }
}
