using System.Text.Json;

namespace Jesus.EndToEnd.Binary;

/// <summary>The verbs: what they print and how they end.</summary>
public sealed class VerbTests
{
    [Fact]
    public async Task Version_help_and_later_verbs_answer_without_a_daemon()
    {
        JesusBinary.SkipIfAbsent();
        var (exit, output, _) = await JesusBinary.RunAsync("version", "--json");
        Assert.Equal(0, exit);
        Assert.NotEmpty(JsonDocument.Parse(output).RootElement.GetProperty("version").GetString()!);

        (exit, output, _) = await JesusBinary.RunAsync("--help");
        Assert.Equal(0, exit);
        Assert.Contains("serve", output, StringComparison.Ordinal);
        Assert.DoesNotContain("backup", output, StringComparison.Ordinal);

        foreach (var verb in new[] { "audit", "login", "backup", "restore", "eval", "mcp" })
        {
            (exit, _, var error) = await JesusBinary.RunAsync(verb);
            Assert.Equal(2, exit);
            Assert.Contains("not implemented", error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("run")]
    [InlineData("runs show")]
    [InlineData("runs approve")]
    [InlineData("ask")]
    [InlineData("models list")]
    [InlineData("models add")]
    [InlineData("models inspect")]
    [InlineData("models tokenize")]
    [InlineData("models bench")]
    [InlineData("keys create")]
    [InlineData("budget show")]
    [InlineData("budget set")]
    [InlineData("config check")]
    [InlineData("doctor")]
    public async Task Every_verb_has_help_with_an_example(string verb)
    {
        JesusBinary.SkipIfAbsent();
        var (exit, output, error) = await JesusBinary.RunAsync([.. verb.Split(' '), "--help"]);
        Assert.True(exit == 0, error);
        Assert.Contains("Example:", output, StringComparison.Ordinal);
        Assert.Contains("jesus " + verb, output, StringComparison.Ordinal);
        Assert.Contains("--json", output, StringComparison.Ordinal);
        Assert.Contains("--url", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bad_usage_ends_with_two_and_a_missing_daemon_with_three()
    {
        JesusBinary.SkipIfAbsent();
        var (exit, _, error) = await JesusBinary.RunAsync("ask");
        Assert.Equal(2, exit);
        Assert.Contains("jesus ask --help", error, StringComparison.Ordinal);
        (exit, _, error) = await JesusBinary.RunAsync("runs", "list", "--url", "http://127.0.0.1:1");
        Assert.Equal(3, exit);
        Assert.Contains("jesus serve", error, StringComparison.Ordinal);
        Assert.Equal(2, (await JesusBinary.RunAsync("runs", "list", "--url", "nonsense")).Exit);
    }

    [Fact]
    public async Task Config_check_reports_every_mistake_and_dump_tells_sources()
    {
        JesusBinary.SkipIfAbsent();
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "{\n  \"listn\": {},\n  \"engine\": { \"threads\": -1 }\n}");
            var (exit, _, error) = await JesusBinary.RunAsync("config", "check", "--config", file);
            Assert.Equal(2, exit);
            Assert.Contains($"{file}:2:3: listn: is not known; did you mean 'listen'?", error, StringComparison.Ordinal);
            Assert.Contains($"{file}:3:26: engine.threads", error, StringComparison.Ordinal);
            Assert.Equal(2, (await JesusBinary.RunAsync("serve", "--config", file, "--state", file + ".d")).Exit);

            await File.WriteAllTextAsync(file, "{ \"engine\": { \"threads\": 2 } }");
            Assert.Equal(0, (await JesusBinary.RunAsync("config", "check", "--config", file)).Exit);
            (exit, var output, _) = await JesusBinary.RunAsync("config", "dump", "--config", file, "--json");
            Assert.Equal(0, exit);
            Assert.StartsWith(file, JsonDocument.Parse(output).RootElement.GetProperty("engine.threads").GetProperty("source").GetString(), StringComparison.Ordinal);
            (_, output, _) = await JesusBinary.RunAsync("config", "schema");
            Assert.Equal("object", JsonDocument.Parse(output).RootElement.GetProperty("type").GetString());
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Ask_prints_the_answer_whole_and_streamed()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        var (exit, whole, error) = await daemon.VerbAsync("ask", "Who are you?");
        Assert.True(exit == 0, error);
        Assert.NotEmpty(whole.Trim());
        var (_, streamed, _) = await daemon.VerbAsync("ask", "Who are you?", "--stream");
        Assert.Equal(whole, streamed);
        (exit, _, error) = await daemon.VerbAsync("ask", "Who are you?", "--model", "none");
        Assert.Equal(1, exit);
        Assert.Contains("none", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_finds_a_healthy_daemon_and_a_missing_one()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        var (exit, output, error) = await daemon.VerbAsync("doctor");
        Assert.True(exit == 0, output + error);
        Assert.Contains("journal", output, StringComparison.Ordinal);
        Assert.Equal(1, (await JesusBinary.RunAsync("doctor", "--url", "http://127.0.0.1:1")).Exit);
    }

    [Fact]
    public async Task Keys_are_created_listed_and_revoked()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        var (exit, secret, note) = await daemon.VerbAsync("keys", "create", "--user", "alice", "--roles", "models");
        Assert.True(exit == 0, note);
        Assert.StartsWith("jsk_", secret, StringComparison.Ordinal);
        var (_, list, _) = await daemon.VerbAsync("keys", "list", "--json");
        var id = JsonDocument.Parse(list).RootElement.GetProperty("keys")[0].GetProperty("id").GetString()!;
        Assert.Equal(0, (await daemon.VerbAsync("keys", "revoke", id)).Exit);
        Assert.Equal(2, (await daemon.VerbAsync("keys", "create", "--user", "bob", "--roles", "king")).Exit);
    }

    [Fact]
    public async Task A_cap_that_is_set_refuses_with_four_survives_a_kill_and_is_taken_back()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        Assert.Equal(0, (await daemon.VerbAsync("budget", "set", "user", "--tokens", "1", "--per", "day")).Exit);
        await daemon.KillAsync();
        await daemon.LaunchAsync();
        var (exit, _, error) = await daemon.VerbAsync("ask", "hello");
        Assert.Equal(4, exit);
        Assert.Contains("budget of user:", error, StringComparison.Ordinal);
        var (_, shown, _) = await daemon.VerbAsync("budget", "show");
        Assert.Contains("user:*", shown, StringComparison.Ordinal);
        Assert.Equal(0, (await daemon.VerbAsync("budget", "unset", "user", "--per", "day")).Exit);
        Assert.Equal(0, (await daemon.VerbAsync("ask", "hello")).Exit);
        Assert.Equal(2, (await daemon.VerbAsync("budget", "set", "planet:mars", "--usd", "1")).Exit);
    }
}
