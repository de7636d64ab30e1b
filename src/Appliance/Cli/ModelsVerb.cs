using System.CommandLine;
using System.Globalization;
using System.Text.Json;

namespace Jesus.Appliance.Cli;

/// <summary><c>jesus models ...</c>: what the daemon serves and has in memory, and tools on one file that need no daemon.</summary>
internal static class ModelsVerb
{
    public static Command Create() => Verb.Group("models", "Model files.",
        List(),
        ModelMemoryVerbs.Load(),
        ModelMemoryVerbs.Unload(),
        ModelAddVerb.Create(),
        ModelMemoryVerbs.Remove(),
        ModelFileVerbs.Inspect(),
        ModelFileVerbs.Tokenize(),
        ModelFileVerbs.Detokenize(),
        ModelFileVerbs.Logits(),
        ModelFileVerbs.Bench());

    private static Command List()
    {
        var list = Verb.Of("list", "List the models that the daemon serves, and what they hold of its memory.", "jesus models list", ListAsync);
        list.Aliases.Add("ls");
        return list;
    }

    private static async Task<int> ListAsync(VerbCall call)
    {
        using var daemon = call.Connect();
        var body = DaemonClient.Expect(await daemon.GetAsync("/api/v1/models", call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(body);
        }

        using var document = JsonDocument.Parse(body);
        List<string[]> rows = [["MODEL", "FROM", "STATE", "CONTEXT", "SIZE", "FOR", "MEMORY", "CALLS", "LAST USED"]];
        foreach (var model in document.RootElement.GetProperty("models"u8).EnumerateArray())
        {
            var context = model.GetProperty("context_tokens"u8).GetInt32();
            rows.Add([model.GetProperty("id"u8).GetString()!, model.GetProperty("owned_by"u8).GetString()!, model.GetProperty("state"u8).GetString()!,
                context == 0 ? "" : context.ToString(CultureInfo.InvariantCulture), BytesOf(model, "bytes"), ForOf(model), .. ResidenceOf(model)]);
        }

        call.Screen.Table(rows);
        if (document.RootElement.TryGetProperty("memory"u8, out var memory))
        {
            call.Screen.Line(call.Screen.Dim(string.Create(CultureInfo.InvariantCulture,
                $"{Screen.Bytes(memory.GetProperty("used_bytes"u8).GetInt64())} of {Screen.Bytes(memory.GetProperty("cap_bytes"u8).GetInt64())} for models in use")));
        }

        return ExitCodes.Done;
    }

    /// <summary>Whole operations; what a chat model can besides, `--json` lists.</summary>
    private static string ForOf(JsonElement model) => model.TryGetProperty("abilities"u8, out var abilities)
        ? string.Join(", ", abilities.EnumerateArray().Select(a => a.GetString()!).Where(a => a is "text" or "embeddings" or "rerank"))
        : "";

    private static string[] ResidenceOf(JsonElement model)
    {
        var calls = model.TryGetProperty("calls"u8, out var count) ? count.GetInt32() : 0;
        var isPinned = model.TryGetProperty("pinned"u8, out var pinned) && pinned.GetBoolean();
        var used = model.TryGetProperty("idle_seconds"u8, out var idle) ? Screen.Seconds(idle.GetDouble()) + " ago" : calls > 0 ? "now" : "";
        return [BytesOf(model, "memory_bytes"), calls == 0 ? "" : calls.ToString(CultureInfo.InvariantCulture), isPinned ? (used + " (pinned)").Trim() : used];
    }

    private static string BytesOf(JsonElement model, string name) => model.TryGetProperty(name, out var bytes) && bytes.GetInt64() > 0 ? Screen.Bytes(bytes.GetInt64()) : "";
}
