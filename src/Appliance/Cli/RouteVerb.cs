using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Jesus.Appliance.Gateway;

namespace Jesus.Appliance.Cli;

/// <summary><c>jesus route explain</c>: what would be done with a call, without making it.</summary>
internal static class RouteVerb
{
    private static readonly Option<string?> Model = new("--model") { Description = "Model or route asked for (default: the default route).", HelpName = "NAME" };
    private static readonly Option<string?> Prompt = new("--prompt") { Description = "The prompt; its length decides where it fits.", HelpName = "TEXT" };
    private static readonly Option<int?> MaxTokens = new("--max-tokens") { Description = "Longest answer in tokens.", HelpName = "N" };
    private static readonly Option<string?> Task = new("--task") { Description = "Task class, as the header x-jesus-task.", HelpName = "NAME" };
    private static readonly Option<string?> Needs = new("--needs") { Description = "What the call needs: tools,schema,images,reasoning,embeddings.", HelpName = "A,B" };
    private static readonly Option<string?> Data = new("--data-class") { Description = "public, internal or restricted.", HelpName = "CLASS" };

    public static Command Create() => Verb.Group("route", "Where calls go.",
        Verb.Of("explain", "Show which candidates a call would try, in what order and why.", "jesus route explain --model smart --prompt \"Who are you?\"",
            ExplainAsync, Model, Prompt, MaxTokens, Task, Needs, Data));

    private static async Task<int> ExplainAsync(VerbCall call)
    {
        using var daemon = call.Connect();
        var body = DaemonClient.Expect(await daemon.PostAsync("/api/v1/routes/explain", Body(call.Parsed), call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(body);
        }

        using var document = JsonDocument.Parse(body);
        Print(call.Screen, document.RootElement);
        return document.RootElement.TryGetProperty("error"u8, out _) ? ExitCodes.Failed : ExitCodes.Done;
    }

    private static byte[] Body(ParseResult parsed)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, JsonReply.Options);
        json.WriteStartObject();
        foreach (var (name, option) in new[] { ("model", Model), ("prompt", Prompt), ("task", Task), ("data_class", Data) })
        {
            if (parsed.GetValue(option) is { } text)
            {
                json.WriteString(name, text);
            }
        }

        if (parsed.GetValue(MaxTokens) is { } tokens)
        {
            json.WriteNumber("max_tokens"u8, tokens);
        }

        if (parsed.GetValue(Needs) is { } needs)
        {
            json.WriteStartArray("needs"u8);
            foreach (var need in needs.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                json.WriteStringValue(need);
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void Print(Screen screen, JsonElement answer)
    {
        var rule = answer.GetProperty("rule"u8).GetString()!;
        var route = answer.GetProperty("route"u8).GetString()!;
        if (route.Length > 0)
        {
            screen.Line($"route {route} ({(rule.Length > 0 ? rule : "by name")}), policy {answer.GetProperty("policy"u8)}, needs {answer.GetProperty("needs"u8)}");
        }

        if (answer.TryGetProperty("error"u8, out var error))
        {
            screen.Line(Screen.Safe(error.GetString()!));
        }

        List<string[]> rows = [["#", "CANDIDATE", "INPUT", "OUTPUT", "COST", "BUSY", "FIRST TOKEN", "TOKENS/S", "WHY"]];
        foreach (var candidate in answer.GetProperty("candidates"u8).EnumerateArray())
        {
            rows.Add(Row(candidate));
        }

        if (rows.Count > 1)
        {
            screen.Table(rows);
        }

        List<string[]> peers = [["#", "PEER", "MODEL", "FIRST TOKEN", "WHY"]];
        foreach (var peer in answer.GetProperty("peers"u8).EnumerateArray())
        {
            peers.Add(PeerRow(peer));
        }

        if (peers.Count > 1)
        {
            screen.Table(peers);
        }
    }

    private static string[] PeerRow(JsonElement peer)
    {
        var place = peer.GetProperty("place"u8).GetInt32();
        var first = peer.GetProperty("first_token_ms"u8).GetDouble();
        return
        [
            place == 0 ? "-" : place.ToString(CultureInfo.InvariantCulture),
            peer.GetProperty("peer"u8).GetString()!,
            Screen.Safe(peer.GetProperty("model"u8).GetString()!),
            first < 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{first:F0} ms"),
            peer.GetProperty("why"u8).GetString()!,
        ];
    }

    private static string[] Row(JsonElement candidate)
    {
        var place = candidate.GetProperty("place"u8).GetInt32();
        var isMeasured = candidate.GetProperty("measured"u8).GetInt32() > 0;
        var slots = candidate.GetProperty("slots"u8).GetInt32();
        var cost = candidate.GetProperty("cost_usd_max"u8);
        return
        [
            place == 0 ? "-" : place.ToString(CultureInfo.InvariantCulture),
            candidate.GetProperty("candidate"u8).GetString()!,
            (candidate.GetProperty("input_exact"u8).GetBoolean() ? "" : "<= ") + candidate.GetProperty("input_tokens"u8),
            "<= " + candidate.GetProperty("output_tokens_max"u8),
            cost.ValueKind == JsonValueKind.Null ? "no price" : $"<= ${cost}",
            $"{candidate.GetProperty("in_progress"u8)}/{(slots == 0 ? "?" : slots.ToString(CultureInfo.InvariantCulture))}",
            isMeasured ? $"{candidate.GetProperty("first_token_ms"u8)} ms" : "",
            isMeasured ? candidate.GetProperty("tokens_per_second"u8).ToString() : "",
            candidate.GetProperty("why"u8).GetString()!,
        ];
    }
}
