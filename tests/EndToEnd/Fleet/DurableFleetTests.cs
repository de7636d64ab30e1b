using System.Text.Json;
using Jesus.Tests.Nats;

namespace Jesus.EndToEnd.Fleet;

/// <summary>Runs that run anywhere, carried by daemons that may do no more than <c>fleet-config.sh --durable</c> lets them.</summary>
public sealed class DurableFleetTests
{
    private const string Directory = """ "directory": { "users": { "loopback": {} } } """;

    private const string Workflow = """
        name: patient
        steps:
          first: {tool: {name: calc, arguments: {expression: "6 * 7"}}}
          ask: {needs: first, approve: {message: "go on?"}}
          last: {needs: ask, tool: {name: text.join, arguments: {parts: ["${steps.first.output.result}", "is the answer"], separator: " "}}, artifact: answer.txt}
        outputs: {said: "${steps.last.output}"}
        """;

    [Fact]
    public async Task Under_least_privilege_a_run_whose_box_is_killed_goes_on_at_another_and_ends_there()
    {
        NatsServer.SkipIfMissing();
        using var config = new FleetConfig();
        await config.AddAsync("fleet", "127.0.0.1", durable: true, "box-a", "box-b");
        await using var server = await config.StartServerAsync();
        await using var a = await FleetBox.StartAsync("box-a", server, settings: Directory, federation: "\"durable\": true", credentials: config);
        await ReadyAsync(a);
        var id = await SubmitAsync(a);
        await using var b = await FleetBox.StartAsync("box-b", server, settings: Directory, federation: "\"durable\": true", credentials: config);
        await ReadyAsync(b);

        // The founder of the stores dies; who follows may use them and not make them.
        await a.Daemon.KillAsync();
        await UntilAsync(b, id, run => run.GetProperty("box").GetString() == "box-b" && run.GetProperty("state").GetString() == "waiting");
        var (exit, _, error) = await b.Daemon.VerbAsync("runs", "approve", id);
        Assert.True(exit == 0, error);
        var ended = await UntilAsync(b, id, run => run.GetProperty("state").GetString() is "succeeded" or "failed" or "cancelled");
        Assert.Equal("42 is the answer", ended.GetProperty("outputs").GetProperty("said").GetString());
        Assert.Contains("is the answer", await b.Daemon.Http.GetStringAsync($"/api/v1/runs/{id}/artifacts/answer.txt"), StringComparison.Ordinal);
        Assert.DoesNotContain("ermissions Violation", b.Daemon.Log, StringComparison.Ordinal);
    }

    private static async Task ReadyAsync(FleetBox box)
    {
        var page = "";
        for (var tries = 0; tries < 1_200; tries++)
        {
            page = await box.Daemon.Http.GetStringAsync("/readyz");
            if (page.Contains("runs go on anywhere", StringComparison.Ordinal))
            {
                return;
            }

            await Task.Delay(50);
        }

        Assert.Fail($"{box.Name}: {page}\n{box.Daemon.Log}");
    }

    /// <returns>The run's id, once it waits for its answer at the box that took it.</returns>
    private static async Task<string> SubmitAsync(FleetBox box)
    {
        var (status, body) = await box.Daemon.PostAsync("/api/v1/runs", JsonSerializer.Serialize(new { workflow = Workflow, anywhere = true }));
        Assert.True((int)status is 200 or 201 or 202, $"{status}: {body}\n{box.Daemon.Log}");
        using var page = JsonDocument.Parse(body);
        var id = page.RootElement.GetProperty("id").GetString()!;
        await UntilAsync(box, id, run => run.GetProperty("state").GetString() == "waiting");
        return id;
    }

    private static async Task<JsonElement> UntilAsync(FleetBox box, string id, Func<JsonElement, bool> isSo)
    {
        var seen = "";
        for (var tries = 0; tries < 1_800; tries++)
        {
            using var response = await box.Daemon.Http.GetAsync($"/api/v1/runs/{id}");
            seen = await response.Content.ReadAsStringAsync();
            if (response.IsSuccessStatusCode && JsonDocument.Parse(seen).RootElement is var run && isSo(run))
            {
                return run;
            }

            await Task.Delay(100);
        }

        throw new TimeoutException($"{box.Name}, run {id}: {seen}\n{box.Daemon.Log}");
    }
}
