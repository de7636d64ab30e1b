using System.Text.Json;
using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Cli;

/// <summary>What a finished run gives: outputs, artifacts, cost, and where to look further.</summary>
internal static class RunReport
{
    public static async Task<int> PrintAsync(VerbCall call, DaemonClient daemon, string id, IRunDisplay? display = null)
    {
        var body = DaemonClient.Expect(await daemon.GetAsync("/api/v1/runs/" + id, CancellationToken.None));
        var run = JsonSerializer.Deserialize(body, RunJson.Default.RunView)!;
        if (call.Json)
        {
            _ = call.PrintJson(body);
            return ExitOf(run);
        }

        if (display is null)
        {
            RunTree.Lines(call.Screen, run).ForEach(call.Screen.Line);
        }
        else
        {
            display.Run(run);
        }

        Print(call.Screen, daemon, run);
        return ExitOf(run);
    }

    public static int ExitOf(RunView run) => run.RefusedByBudget ? ExitCodes.BudgetRefused
        : run.State is RunStateName.Failed or RunStateName.Cancelled ? ExitCodes.Failed : ExitCodes.Done;

    private static void Print(Screen screen, DaemonClient daemon, RunView run)
    {
        screen.Line();
        var cost = Screen.Usd(run.CostMicroUsd) + (run.CostIsEstimated ? " at most" : "");
        screen.Line($"{StepGlyph.Paint(screen, run.State)} in {Screen.Seconds(run.Seconds)}, {run.TokensIn} tokens in, {run.TokensOut} out, {cost}");
        if (run.Error is { Length: > 0 } error)
        {
            screen.Line(screen.Red("error: ") + Screen.Safe(error));
        }

        PrintOutputs(screen, run);
        PrintArtifacts(screen, daemon, run);
        screen.Line();
        if (run.Box is { } box)
        {
            screen.Line(screen.Dim($"box        {(box.Length == 0 ? "none yet" : Screen.Safe(box))}"));
        }

        screen.Line(screen.Dim($"run        {daemon.Address.Name}/api/v1/runs/{run.Id}"));
        screen.Line(screen.Dim($"metrics    {daemon.Address.Name}/metrics"));
        screen.Line(screen.Dim($"API        {daemon.Address.Name}/v1/chat/completions"));
    }

    private static void PrintOutputs(Screen screen, RunView run)
    {
        if (run.Outputs is not { ValueKind: JsonValueKind.Object } outputs)
        {
            return;
        }

        screen.Line();
        foreach (var output in outputs.EnumerateObject())
        {
            screen.Line(screen.Bold(Screen.Safe(output.Name)));
            screen.Line(Indent(Screen.Safe(TextOf(output.Value))));
        }
    }

    private static string TextOf(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            return value.GetString()!;
        }

        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = Gateway.JsonReply.Options.Encoder }))
        {
            value.WriteTo(json);
        }

        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static string Indent(string text) => "  " + text.TrimEnd('\n').Replace("\n", "\n  ", StringComparison.Ordinal);

    private static void PrintArtifacts(Screen screen, DaemonClient daemon, RunView run)
    {
        if (run.Artifacts is not { Count: > 0 } artifacts)
        {
            return;
        }

        screen.Line();
        screen.Line(screen.Bold("artifacts"));
        foreach (var artifact in artifacts)
        {
            var address = $"{daemon.Address.Name}/api/v1/runs/{run.Id}/artifacts/{Uri.EscapeDataString(artifact.Name)}";
            screen.Line($"  {Screen.Safe(artifact.Name)}  {Screen.Bytes(artifact.Bytes)}  sha256:{artifact.Sha256[..12]}  {address}");
        }
    }
}
