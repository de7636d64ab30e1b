using System.CommandLine;
using System.Globalization;
using System.Text.Json;

namespace Jesus.Appliance.Cli;

/// <summary><c>jesus budget show / set / unset</c>.</summary>
internal static class BudgetVerb
{
    private static readonly Argument<string> Who = new("who")
    {
        Description = "Whose cap: call, run, user:NAME, team:NAME, organisation:NAME or key:ID; without a name it holds for each that has none of its own.",
    };
    private static readonly Option<decimal?> Usd = new("--usd") { Description = "US dollars.", HelpName = "N" };
    private static readonly Option<long?> Tokens = new("--tokens") { Description = "Tokens of prompt and answer together.", HelpName = "N" };
    private static readonly Option<string> Period = new("--per") { Description = "day, month or ever.", DefaultValueFactory = _ => "ever", HelpName = "PERIOD" };
    private static readonly Option<bool> Soft = new("--soft") { Description = "Never refuse: past it calls take cheaper candidates." };
    private static readonly Option<string?> Route = new("--route") { Description = "Makes the cap soft: the route that answers past it.", HelpName = "NAME" };

    public static Command Create() => Verb.Group("budget", "Caps of money and tokens, and what is used of them.",
        Verb.Of("show", "Show the caps and what is used of them.", "jesus budget show", ShowAsync),
        Verb.Of("set", "Set a cap over the configuration, at once and durably.", "jesus budget set team:red --usd 25 --per day", SetAsync, Who, Usd, Tokens, Period, Soft, Route),
        Verb.Of("unset", "Take back a cap that was set; the configuration's holds again.", "jesus budget unset team:red --per day", UnsetAsync, Who, Period, Soft));

    private static async Task<int> ShowAsync(VerbCall call)
    {
        using var daemon = call.Connect();
        var answer = DaemonClient.Expect(await daemon.GetAsync("/api/v1/budgets", call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(answer);
        }

        using var document = JsonDocument.Parse(answer);
        List<string[]> caps = [["CAP", "PER", "HARD", "SOFT", "THEN", "FROM"]];
        foreach (var cap in document.RootElement.GetProperty("caps"u8).EnumerateArray())
        {
            caps.Add([Name(cap), Text(cap, "period"), Amount(cap, "usd", "tokens"), Amount(cap, "soft_usd", "soft_tokens"), Text(cap, "route"), Text(cap, "source")]);
        }

        call.Screen.Table(caps);
        List<string[]> accounts = [["USED BY", "DURING", "USED", "HELD", "OF", "%", "RENEWS"]];
        foreach (var account in document.RootElement.GetProperty("accounts"u8).EnumerateArray())
        {
            accounts.Add([Name(account), Text(account, "during"), Amount(account, "used_usd", "used_tokens"), Amount(account, "reserved_usd", "reserved_tokens"),
                Amount(account, "cap_usd", "cap_tokens"),
                account.GetProperty("used_ratio"u8).GetDouble().ToString("0.0 %", CultureInfo.InvariantCulture), Text(account, "renews_at")]);
        }

        if (accounts.Count > 1)
        {
            call.Screen.Line("");
            call.Screen.Table(accounts);
        }

        return ExitCodes.Done;
    }

    private static Task<int> SetAsync(VerbCall call) => ChangeAsync(call, HttpMethod.Put, "is set");

    private static Task<int> UnsetAsync(VerbCall call) => ChangeAsync(call, HttpMethod.Delete, "is taken back");

    private static async Task<int> ChangeAsync(VerbCall call, HttpMethod method, string done)
    {
        var who = call.Parsed.GetValue(Who)!;
        var colon = who.IndexOf(':', StringComparison.Ordinal);
        var scope = colon < 0 ? who : who[..colon];

        // A key's id itself begins with its kind (key:3f9a, local:alice), so `key:3f9a` names the key of that id.
        var name = colon < 0 ? "*" : scope is "key" or "local" ? who : who[(colon + 1)..];
        using var daemon = call.Connect();
        var body = JsonLine.Bytes(json =>
        {
            json.WriteString("scope"u8, scope == "local" ? "key" : scope);
            json.WriteString("name"u8, name);
            json.WriteString("period"u8, call.Parsed.GetValue(Period));
            json.WriteBoolean("soft"u8, call.Parsed.GetValue(Soft));
            if (method == HttpMethod.Put)
            {
                json.WriteNumber("usd"u8, call.Parsed.GetValue(Usd) ?? 0);
                json.WriteNumber("tokens"u8, call.Parsed.GetValue(Tokens) ?? 0);
                json.WriteString("route"u8, call.Parsed.GetValue(Route) ?? "");
            }
        });
        var answer = DaemonClient.Expect(await daemon.SendAsync(method, "/api/v1/budgets", body, call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(answer);
        }

        call.Screen.Line($"the cap of {who} per {call.Parsed.GetValue(Period)} {done}");
        return ExitCodes.Done;
    }

    private static string Name(JsonElement item) => Text(item, "name") == "*" ? Text(item, "scope") + ":*" : Text(item, "scope") + ":" + Text(item, "name");

    private static string Amount(JsonElement item, string usd, string tokens)
    {
        var parts = new List<string>();
        if (item.TryGetProperty(usd, out var money))
        {
            parts.Add(money.GetDecimal().ToString("'$'0.00####", CultureInfo.InvariantCulture));
        }

        if (item.TryGetProperty(tokens, out var count))
        {
            parts.Add(count.GetInt64().ToString("#,0' tok'", CultureInfo.InvariantCulture));
        }

        return string.Join(", ", parts);
    }

    private static string Text(JsonElement item, string name) => item.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";
}
