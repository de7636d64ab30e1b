using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Cli;

/// <summary><c>jesus runs ...</c>.</summary>
internal static class RunsVerb
{
    private static readonly Argument<string> Id = new("id") { Description = "The run." };
    private static readonly Argument<string?> ArtifactName = new("name") { Description = "Print this artifact; without it they are listed.", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string?> State = new("--in")
    {
        Description = "Only runs in this state: queued, running, waiting, succeeded, failed, cancelled.",
        HelpName = "STATE",
    };
    private static readonly Option<int> Limit = new("--limit") { Description = "At most so many, newest first.", DefaultValueFactory = _ => 20, HelpName = "N" };
    private static readonly Option<string> Step = new("--step")
    {
        Description = "Path of the step that waits (default: the only one).",
        DefaultValueFactory = _ => "",
        HelpName = "PATH",
    };
    private static readonly Option<bool> Reject = new("--reject") { Description = "Say no." };
    private static readonly Option<string> Note = new("--note") { Description = "Kept with the answer.", DefaultValueFactory = _ => "", HelpName = "TEXT" };

    public static Command Create() => Verb.Group("runs", "Look at and steer runs.",
        Verb.Of("list", "List runs, newest first.", "jesus runs list --in running", ListAsync, State, Limit),
        Verb.Of("show", "Show a run: its steps, outputs and artifacts.", "jesus runs show RUN", ShowAsync, Id),
        Verb.Of("watch", "Follow a run until it ends.", "jesus runs watch RUN", WatchAsync, Id),
        Verb.Of("cancel", "Stop a run.", "jesus runs cancel RUN", c => OrderAsync(c, "cancel", []), Id),
        Verb.Of("retry", "Continue a failed or cancelled run; what is done stays done.", "jesus runs retry RUN", c => OrderAsync(c, "retry", []), Id),
        Verb.Of("approve", "Answer a step that waits for approval.", "jesus runs approve RUN --note \"looks right\"", ApproveAsync, Id, Step, Reject, Note),
        Verb.Of("explain", "Say what a run waits for, cause by cause, and for how long.", "jesus runs explain RUN", ExplainAsync, Id),
        Verb.Of("artifacts", "List a run's artifacts, or print one.", "jesus runs artifacts RUN report.txt", ArtifactsAsync, Id, ArtifactName));

    private static string IdOf(VerbCall call) => Uri.EscapeDataString(call.Parsed.GetValue(Id)!);

    private static async Task<int> ListAsync(VerbCall call)
    {
        using var daemon = call.Connect();
        var state = call.Parsed.GetValue(State) is { } s ? "&state=" + Uri.EscapeDataString(s) : "";
        var limit = call.Parsed.GetValue(Limit).ToString(CultureInfo.InvariantCulture);
        var body = DaemonClient.Expect(await daemon.GetAsync($"/api/v1/runs?limit={limit}{state}", call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(body);
        }

        var page = JsonSerializer.Deserialize(body, RunJson.Default.RunPage)!;
        // Where a run is carried is worth a column only where one may be elsewhere.
        var showsBox = page.Runs.Any(r => r.Box is not null);
        string[] head = ["RUN", "WORKFLOW", "STATE", "SUBMITTED", "TIME", "TOKENS"];
        List<string[]> rows = [showsBox ? [.. head, "BOX"] : head];
        rows.AddRange(page.Runs.Select(r =>
        {
            string[] row =
            [
                r.Id, r.Workflow, StepGlyph.NameOf(r.State), r.SubmittedAt.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture), Screen.Seconds(r.Seconds),
                (r.TokensIn + r.TokensOut).ToString(CultureInfo.InvariantCulture),
            ];
            return showsBox ? [.. row, Screen.Safe(r.Box ?? "")] : row;
        }));
        call.Screen.Table(rows);
        return ExitCodes.Done;
    }

    private static async Task<int> ShowAsync(VerbCall call)
    {
        using var daemon = call.Connect();
        _ = await RunReport.PrintAsync(call, daemon, IdOf(call));
        return ExitCodes.Done;
    }

    private static async Task<int> WatchAsync(VerbCall call)
    {
        using var daemon = call.Connect();
        return await RunFollower.FollowAsync(call, daemon, IdOf(call), cancelOnInterrupt: false);
    }

    private static Task<int> ApproveAsync(VerbCall call) => OrderAsync(call, "approve", JsonLine.Bytes(json =>
    {
        json.WriteString("step"u8, call.Parsed.GetValue(Step));
        json.WriteBoolean("approved"u8, !call.Parsed.GetValue(Reject));
        json.WriteString("note"u8, call.Parsed.GetValue(Note));
    }));

    private static async Task<int> OrderAsync(VerbCall call, string order, byte[] body)
    {
        using var daemon = call.Connect();
        var answer = DaemonClient.Expect(await daemon.PostAsync($"/api/v1/runs/{IdOf(call)}/{order}", body, call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(answer);
        }

        var run = JsonSerializer.Deserialize(answer, RunJson.Default.RunView)!;
        call.Screen.Line($"{run.Id} {StepGlyph.Paint(call.Screen, run.State)}");
        return ExitCodes.Done;
    }

    private static async Task<int> ExplainAsync(VerbCall call)
    {
        using var daemon = call.Connect();
        var body = DaemonClient.Expect(await daemon.GetAsync($"/api/v1/runs/{IdOf(call)}/explain", call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(body);
        }

        var why = JsonSerializer.Deserialize(body, RunJson.Default.RunExplanation)!;
        call.Screen.Line(Screen.Safe(why.Summary));
        if (why.TimesAside > 0)
        {
            call.Screen.Line($"  run: answers were {RunExplanation.Aside(why.TimesAside, why.AsideSeconds)}");
        }

        foreach (var cause in why.Causes)
        {
            var ends = cause.EndsInSeconds is { } seconds ? $", ends in {Screen.Seconds(seconds)}" : "";
            var place = Screen.Safe(cause.Step.Length == 0 ? "run" : cause.Step);
            call.Screen.Line($"  {place}: {cause.Cause}, for {Screen.Seconds(cause.Seconds)}{ends}: {Screen.Safe(cause.Detail)}");
        }

        return ExitCodes.Done;
    }

    private static async Task<int> ArtifactsAsync(VerbCall call)
    {
        using var daemon = call.Connect();
        if (call.Parsed.GetValue(ArtifactName) is { } name)
        {
            var content = DaemonClient.Expect(await daemon.GetAsync($"/api/v1/runs/{IdOf(call)}/artifacts/{Uri.EscapeDataString(name)}", call.Cancel));
            await using var output = Console.OpenStandardOutput();
            await output.WriteAsync(content, call.Cancel);
            return ExitCodes.Done;
        }

        var body = DaemonClient.Expect(await daemon.GetAsync($"/api/v1/runs/{IdOf(call)}/artifacts", call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(body);
        }

        List<string[]> rows = [["NAME", "SIZE", "TYPE", "STEP", "SHA256"]];
        rows.AddRange(JsonSerializer.Deserialize(body, RunJson.Default.IReadOnlyListArtifactView)!.Select(a => new[] { a.Name, Screen.Bytes(a.Bytes),
            a.MediaType, a.Step, a.Sha256 }));
        call.Screen.Table(rows);
        return ExitCodes.Done;
    }
}
