using System.CommandLine;
using System.Text.Json;

namespace Jesus.Appliance.Cli;

/// <summary><c>jesus keys create / list / revoke</c>.</summary>
internal static class KeysVerb
{
    private static readonly Option<string> User = new("--user") { Description = "Whose key it is.", Required = true, HelpName = "NAME" };
    private static readonly Option<string> Roles = new("--roles")
    {
        Description = "Comma-separated: models, runs, admin.",
        DefaultValueFactory = _ => "models,runs",
        HelpName = "LIST",
    };
    private static readonly Option<int?> Days = new("--days") { Description = "Days until it expires (default: never).", HelpName = "N" };
    private static readonly Argument<string> Id = new("id") { Description = "The key's id, as `jesus keys list` shows it." };

    public static Command Create() => Verb.Group("keys", "API keys of this daemon.",
        Verb.Of("create", "Create a key; its secret is shown once.", "jesus keys create --user alice --roles models,runs", CreateAsync, User, Roles, Days),
        Verb.Of("list", "List the keys.", "jesus keys list", ListAsync),
        Verb.Of("revoke", "Revoke a key at once.", "jesus keys revoke 3f9a12", RevokeAsync, Id));

    private static async Task<int> CreateAsync(VerbCall call)
    {
        using var daemon = call.Connect();
        var body = JsonLine.Bytes(json =>
        {
            json.WriteString("user"u8, call.Parsed.GetValue(User));
            json.WriteStartArray("roles"u8);
            foreach (var role in call.Parsed.GetValue(Roles)!.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                json.WriteStringValue(role);
            }

            json.WriteEndArray();
            if (call.Parsed.GetValue(Days) is { } days)
            {
                json.WriteNumber("days"u8, days);
            }
        });
        var answer = DaemonClient.Expect(await daemon.PostAsync("/api/v1/keys", body, call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(answer);
        }

        using var document = JsonDocument.Parse(answer);
        call.Screen.Line(document.RootElement.GetProperty("secret"u8).GetString()!);
        await call.Screen.Error.WriteLineAsync($"key {document.RootElement.GetProperty("id"u8).GetString()}: this is the only time that the secret is shown.");
        return ExitCodes.Done;
    }

    private static async Task<int> ListAsync(VerbCall call)
    {
        using var daemon = call.Connect();
        var answer = DaemonClient.Expect(await daemon.GetAsync("/api/v1/keys", call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(answer);
        }

        using var document = JsonDocument.Parse(answer);
        List<string[]> rows = [["ID", "USER", "TEAM", "ROLES", "CREATED", "EXPIRES"]];
        foreach (var key in document.RootElement.GetProperty("keys"u8).EnumerateArray())
        {
            rows.Add([Text(key, "id"), Text(key, "user"), Text(key, "team"), string.Join(',', key.GetProperty("roles"u8).EnumerateArray().Select(r => r.GetString())),
                Text(key, "created_at"), Text(key, "expires_at")]);
        }

        call.Screen.Table(rows);
        return ExitCodes.Done;
    }

    private static async Task<int> RevokeAsync(VerbCall call)
    {
        using var daemon = call.Connect();
        var id = call.Parsed.GetValue(Id)!;
        var answer = DaemonClient.Expect(await daemon.SendAsync(HttpMethod.Delete, "/api/v1/keys/" + Uri.EscapeDataString(id), null, call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(answer);
        }

        call.Screen.Line($"key {id} is revoked");
        return ExitCodes.Done;
    }

    private static string Text(JsonElement item, string name) => item.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";
}
