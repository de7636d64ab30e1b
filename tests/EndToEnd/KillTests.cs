using System.Text.Json;
using Jesus.EndToEnd.Binary;

namespace Jesus.EndToEnd;

/// <summary>
/// The published binary dies by kill -9 at a hundred random moments while runs change something, and goes on each time from its disk. The side effect is
/// a line in a file (<c>note.append</c>), so that what happened is counted outside the daemon's own books.
/// </summary>
public sealed class KillTests
{
    private const int Kills = 100;

    /// <summary>Longest wait before a kill, in milliseconds: about as long as the runs submitted before it take.</summary>
    private const int DelayMax = 60;

    private const string Workflow = """
        name: counted
        concurrency: 4
        steps:
          a: {tool: {name: note.append, arguments: {note: count, line: a}}}
          b: {tool: {name: note.append, arguments: {note: count, line: b}}}
          sum: {needs: [a, b], tool: {name: calc, arguments: {expression: "6 * 7"}}}
          each:
            needs: sum
            map:
              over: [c, d, e, f]
              as: name
              step: {tool: {name: note.append, arguments: {note: count, line: "${name}"}}}
          last: {needs: each, tool: {name: note.append, arguments: {note: count, line: g}}}
        """;

    /// <summary>Nothing here changes anything, so no kill may fail it.</summary>
    private const string Harmless = """
        name: harmless
        steps:
          first: {tool: {name: calc, arguments: {expression: "6 * 7"}}}
          each:
            needs: first
            map:
              over: ["1", "2", "3", "4", "5", "6", "7", "8"]
              as: n
              concurrency: 2
              step: {tool: {name: calc, arguments: {expression: "${n} + ${steps.first.output.result}"}}}
              output: ${steps.step.output.result}
        outputs: {all: "${steps.each.output}"}
        """;

    [Fact]
    public async Task A_hundred_kills_lose_no_run_and_no_side_effect_happens_twice()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        await using var daemon = await JesusDaemon.StartAsync();
        var (ids, harmless) = (new List<string>(), new List<string>());
        for (var kill = 0; kill < Kills; kill++)
        {
            for (var i = 0; i < 3; i++)
            {
                ids.Add(await SubmitAsync(daemon, Workflow));
            }

            harmless.Add(await SubmitAsync(daemon, Harmless));

            await Task.Delay(random.Next(DelayMax));
            await daemon.KillAsync();
            await daemon.LaunchAsync();
        }

        var (unknown, lines) = (0, 0);
        foreach (var id in ids)
        {
            using var run = await EndAsync(daemon, id);
            var doubtful = CountUnknown(run.RootElement.GetProperty("steps"));
            var state = run.RootElement.GetProperty("state").GetString();
            Assert.True(state == "succeeded" || (state == "failed" && doubtful > 0), $"seed {seed}: run {id} is {state}: {run.RootElement}");
            var note = Path.Combine(daemon.State, "runs", id, "count.txt");
            string[] written = File.Exists(note) ? await File.ReadAllLinesAsync(note) : [];
            Assert.True(written.Distinct().Count() == written.Length, $"seed {seed}: run {id} wrote a line twice: {string.Join(' ', written)}");
            Assert.True(state != "succeeded" || written.Length == 7, $"seed {seed}: run {id} lost a line: {string.Join(' ', written)}");
            unknown += doubtful;
            lines += written.Length;
        }

        foreach (var id in harmless)
        {
            using var run = await EndAsync(daemon, id);
            Assert.True(run.RootElement.GetProperty("state").GetString() == "succeeded", $"seed {seed}: run {id}: {run.RootElement}");
            Assert.Equal("[43,44,45,46,47,48,49,50]", run.RootElement.GetProperty("outputs").GetProperty("all").GetRawText());
        }

        TestContext.Current.SendDiagnosticMessage($"seed {seed}: {Kills} kills, {ids.Count} runs, {lines} side effects counted, {unknown} marked unknown");
    }

    private static async Task<string> SubmitAsync(JesusDaemon daemon, string workflow)
    {
        var (status, body) = await daemon.PostAsync("/api/v1/runs", $$"""{"workflow":{{JsonSerializer.Serialize(workflow)}},"file_name":"killed.yaml"}""");
        Assert.True((int)status == 202, $"{status}: {body}");
        using var json = JsonDocument.Parse(body);
        return json.RootElement.GetProperty("id").GetString()!;
    }

    private static async Task<JsonDocument> EndAsync(JesusDaemon daemon, string id)
    {
        for (var i = 0; i < 1_500; i++)
        {
            var run = JsonDocument.Parse(await daemon.Http.GetStringAsync($"/api/v1/runs/{id}"));
            if (run.RootElement.GetProperty("state").GetString() is "succeeded" or "failed" or "cancelled")
            {
                return run;
            }

            run.Dispose();
            await Task.Delay(20);
        }

        throw new TimeoutException($"run {id} never ended:\n{daemon.Log}");
    }

    private static int CountUnknown(JsonElement steps) => steps.EnumerateArray().Sum(step =>
        (step.GetProperty("state").GetString() == "unknown" ? 1 : 0) + (step.TryGetProperty("children", out var children) ? CountUnknown(children) : 0));
}
