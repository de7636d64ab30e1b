using System.Net;
using System.Text.Json;

namespace Jesus.EndToEnd.Binary;

/// <summary>Workflows through the published binary.</summary>
public sealed class RunTests
{
    private const string Triage = "examples/triage/triage.yaml";
    private const string Wait = """
        name: wait
        steps:
          ok:
            approve: {message: "May I?"}
        """;

    [Fact]
    public async Task The_triage_example_succeeds_and_shows_its_outputs_artifacts_and_addresses()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        var (exit, output, error) = await daemon.VerbAsync("run", Triage, "--input", "log=examples/triage/system.log");
        Assert.True(exit == 0, output + error + daemon.Log);
        Assert.Contains("succeeded in", output, StringComparison.Ordinal);
        Assert.Contains("report.md", output, StringComparison.Ordinal);
        Assert.Contains(daemon.Url + "/metrics", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', output);

        var (_, list, _) = await daemon.VerbAsync("runs", "list", "--json");
        var run = JsonDocument.Parse(list).RootElement.GetProperty("runs")[0];
        Assert.Equal("succeeded", run.GetProperty("state").GetString());
        var id = run.GetProperty("id").GetString()!;
        Assert.Contains("suspicious", (await daemon.VerbAsync("runs", "show", id)).Out, StringComparison.Ordinal);
        Assert.NotEmpty((await daemon.VerbAsync("runs", "artifacts", id, "report.md")).Out);
        Assert.Equal(0, (await daemon.VerbAsync("runs", "watch", id)).Exit);

        var findings = JsonDocument.Parse((await daemon.VerbAsync("runs", "artifacts", id, "findings.json")).Out).RootElement;
        Assert.All(findings.EnumerateArray(), f => Assert.Contains(f.GetProperty("severity").GetString(), new[] { "debug", "info", "warning", "error", "critical" }));
    }

    [Fact]
    public async Task A_run_that_waits_is_explained_survives_a_kill_and_goes_on_when_approved()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        var file = Path.Combine(daemon.State, "wait.yaml");
        await File.WriteAllTextAsync(file, Wait);
        var (exit, output, error) = await daemon.VerbAsync("run", file, "--detach");
        Assert.True(exit == 0, error);
        var id = output.Trim();
        await Until(daemon, id, "waiting");
        Assert.Contains("approv", (await daemon.VerbAsync("runs", "explain", id)).Out, StringComparison.OrdinalIgnoreCase);

        await daemon.KillAsync();
        await daemon.LaunchAsync();
        await Until(daemon, id, "waiting");
        (exit, _, error) = await daemon.VerbAsync("runs", "approve", id, "--note", "fine");
        Assert.True(exit == 0, error);
        Assert.Equal(0, (await daemon.VerbAsync("runs", "watch", id)).Exit);
        Assert.Equal(1, (await daemon.VerbAsync("runs", "approve", id)).Exit);
    }

    [Fact]
    public async Task A_cancelled_run_ends_with_one_and_can_be_retried()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        var file = Path.Combine(daemon.State, "wait.yaml");
        await File.WriteAllTextAsync(file, Wait);
        var id = (await daemon.VerbAsync("run", file, "--detach")).Out.Trim();
        await Until(daemon, id, "waiting");
        Assert.Equal(0, (await daemon.VerbAsync("runs", "cancel", id)).Exit);
        Assert.Equal(1, (await daemon.VerbAsync("runs", "watch", id)).Exit);
        Assert.Equal(0, (await daemon.VerbAsync("runs", "retry", id)).Exit);
        await Until(daemon, id, "waiting");
    }

    [Fact]
    public async Task A_broken_workflow_is_answered_here_with_file_line_and_column()
    {
        JesusBinary.SkipIfAbsent();
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "name: x\nsteps:\n  a:\n    promt: {user: hi}\n");
            var (exit, _, error) = await JesusBinary.RunAsync("run", file, "--url", "http://127.0.0.1:1");
            Assert.Equal(2, exit);
            Assert.Contains($"{file}:4:5", error, StringComparison.Ordinal);
            Assert.Contains("prompt", error, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_missing_or_unknown_input_is_named_before_a_daemon_is_asked()
    {
        JesusBinary.SkipIfAbsent();
        var (exit, _, error) = await JesusBinary.RunAsync("run", Triage, "--url", "http://127.0.0.1:1");
        Assert.Equal(2, exit);
        Assert.Contains("--input log=", error, StringComparison.Ordinal);
        (exit, _, error) = await JesusBinary.RunAsync("run", Triage, "--input", "lag=x", "--url", "http://127.0.0.1:1");
        Assert.Equal(2, exit);
        Assert.Contains("log", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_arrive_as_server_sent_events_with_growing_ids()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        var (status, body) = await daemon.PostAsync("/api/v1/runs", """{"workflow":"name: t\nsteps:\n  a:\n    tool: {name: clock, arguments: {zone: UTC}}\n"}""");
        Assert.True(status == HttpStatusCode.Accepted, body);
        var id = JsonDocument.Parse(body).RootElement.GetProperty("id").GetString();
        var events = await daemon.Http.GetStringAsync($"/api/v1/runs/{id}/events");
        var ids = events.Split('\n').Where(l => l.StartsWith("id: ", StringComparison.Ordinal)).Select(l => long.Parse(l[4..],
            System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(ids.Order(), ids);
        Assert.Contains("event: run.finished", events, StringComparison.Ordinal);
    }

    private static async Task Until(JesusDaemon daemon, string id, string state)
    {
        var seen = "";
        for (var i = 0; i < 300; i++)
        {
            seen = JsonDocument.Parse(await daemon.Http.GetStringAsync("/api/v1/runs/" + id)).RootElement.GetProperty("state").GetString()!;
            if (seen == state)
            {
                return;
            }

            await Task.Delay(100);
        }

        Assert.Fail($"The run is {seen}, not {state}, after 30 s.\n{daemon.Log}");
    }
}
