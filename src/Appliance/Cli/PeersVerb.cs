using System.CommandLine;
using System.Globalization;
using System.Text.Json;

namespace Jesus.Appliance.Cli;

/// <summary><c>jesus peers</c>: the boxes that this one knows.</summary>
internal static class PeersVerb
{
    private static readonly Option<bool> Totals = new("--totals") { Description = "Show what the boxes have done since they started, and all of them together." };

    public static Command Create() => Verb.Of("peers", "Show the other boxes of the federation: how old their word is, what they offer, and why nothing is sent to them.",
        "jesus peers", ShowAsync, Totals);

    private static async Task<int> ShowAsync(VerbCall call)
    {
        using var daemon = call.Connect();
        var answer = DaemonClient.Expect(await daemon.GetAsync("/api/v1/peers", call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(answer);
        }

        using var document = JsonDocument.Parse(answer);
        var root = document.RootElement;
        if (!root.GetProperty("enabled"u8).GetBoolean())
        {
            call.Screen.Line("this box is in no federation; name NATS servers with federation.nats.urls");
            return ExitCodes.Done;
        }

        call.Screen.Line(Screen.Safe($"{root.GetProperty("cluster"u8)}/{root.GetProperty("peer"u8)}: {root.GetProperty("nats"u8).GetProperty("detail"u8)}"));
        call.Screen.Table(call.Parsed.GetValue(Totals) ? TotalsOf(root.GetProperty("totals"u8)) : PeersOf(root));
        return ExitCodes.Done;
    }

    private static List<string[]> PeersOf(JsonElement root)
    {
        List<string[]> rows = [["PEER", "AGE", "STATE", "VERSION", "MODEL", "CONTEXT", "DELAY", "FREE", "TOKENS/S", "ELIGIBLE"]];
        foreach (var peer in root.GetProperty("peers"u8).EnumerateArray())
        {
            string[] head = [Text(peer, "id"), Screen.Seconds(peer.GetProperty("age_ms"u8).GetInt64() / 1_000.0), Text(peer, "state"), Text(peer, "version")];
            var eligible = peer.GetProperty("eligible"u8).GetBoolean() ? "yes" : "no: " + Text(peer, "why_not");
            foreach (var model in peer.GetProperty("models"u8).EnumerateArray())
            {
                rows.Add([.. head, .. ModelOf(model), eligible]);
                (head, eligible) = (["", "", "", ""], "");
            }

            if (head[0].Length > 0)
            {
                rows.Add([.. head, "", "", "", "", "", eligible]);
            }
        }

        return rows;
    }

    private static string[] ModelOf(JsonElement model)
    {
        var delay = model.GetProperty("delay_ms"u8);
        var rate = model.GetProperty("decode_tokens_per_second"u8).GetDouble();
        var context = model.GetProperty("context_tokens"u8).GetInt32();
        return
        [
            Text(model, "id"),
            context == 0 ? "" : context.ToString(CultureInfo.InvariantCulture),
            $"{delay.GetProperty("interactive"u8)}/{delay.GetProperty("agent"u8)}/{delay.GetProperty("batch"u8)} ms",
            $"{model.GetProperty("free_slots"u8)}/{model.GetProperty("slots"u8)}",
            rate == 0 ? "" : rate.ToString("0.#", CultureInfo.InvariantCulture),
        ];
    }

    private static List<string[]> TotalsOf(JsonElement totals)
    {
        List<string[]> rows = [["BOX", "AGE", "CALLS", "ERRORS", "INPUT TOKENS", "OUTPUT TOKENS", "COST", "RUNS"]];
        foreach (var box in totals.GetProperty("by_box"u8).EnumerateArray())
        {
            rows.Add([Text(box, "id"), Screen.Seconds(box.GetProperty("age_ms"u8).GetInt64() / 1_000.0), .. CountsOf(box)]);
        }

        rows.Add([$"all {totals.GetProperty("boxes"u8)}", "", .. CountsOf(totals)]);
        return rows;
    }

    private static string[] CountsOf(JsonElement counts) =>
    [
        Count(counts, "calls"), Count(counts, "errors"), Count(counts, "input_tokens"), Count(counts, "output_tokens"),
        counts.GetProperty("cost_usd"u8).GetDecimal().ToString("'$'0.00####", CultureInfo.InvariantCulture), Count(counts, "runs"),
    ];

    private static string Count(JsonElement counts, string name) => counts.GetProperty(name).GetInt64().ToString("#,0", CultureInfo.InvariantCulture);

    private static string Text(JsonElement item, string name) => item.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";
}
