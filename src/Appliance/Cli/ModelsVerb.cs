using System.CommandLine;
using System.Globalization;
using System.Text.Json;

namespace Jesus.Appliance.Cli;

/// <summary><c>jesus models ...</c>: what the daemon serves, and tools on one file that need no daemon.</summary>
internal static class ModelsVerb
{
    public static Command Create() => Verb.Group("models", "Model files.",
        Verb.Of("list", "List the models that the daemon serves.", "jesus models list", ListAsync),
        ModelAddVerb.Create(),
        ModelFileVerbs.Inspect(),
        ModelFileVerbs.Tokenize(),
        ModelFileVerbs.Detokenize(),
        ModelFileVerbs.Logits(),
        ModelFileVerbs.Bench());

    private static async Task<int> ListAsync(VerbCall call)
    {
        using var daemon = call.Connect();
        var body = DaemonClient.Expect(await daemon.GetAsync("/api/v1/models", call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(body);
        }

        using var document = JsonDocument.Parse(body);
        List<string[]> rows = [["MODEL", "FROM", "STATE", "CONTEXT", "SIZE", "FOR"]];
        foreach (var model in document.RootElement.GetProperty("models"u8).EnumerateArray())
        {
            var bytes = model.GetProperty("bytes"u8).GetInt64();
            var context = model.GetProperty("context_tokens"u8).GetInt32();
            rows.Add([model.GetProperty("id"u8).GetString()!, model.GetProperty("owned_by"u8).GetString()!, model.GetProperty("state"u8).GetString()!,
                context == 0 ? "" : context.ToString(CultureInfo.InvariantCulture), bytes == 0 ? "" : Screen.Bytes(bytes), ForOf(model)]);
        }

        call.Screen.Table(rows);
        return ExitCodes.Done;
    }

    /// <summary>Whole operations; what a chat model can besides, `--json` lists.</summary>
    private static string ForOf(JsonElement model) => model.TryGetProperty("abilities"u8, out var abilities)
        ? string.Join(", ", abilities.EnumerateArray().Select(a => a.GetString()!).Where(a => a is "text" or "embeddings" or "rerank"))
        : "";
}
