using System.Globalization;
using System.Text.Json;
using Jesus.Appliance.Budgets;

namespace Jesus.Appliance.Gateway.Rest;

/// <summary>
/// <c>/api/v1/budgets</c>, for administrators: GET shows caps and what is used of them; PUT or POST sets a cap over the configuration, durably and at once;
/// DELETE takes such a one back. Body of both: <c>{"scope": "team", "name"?: "red", "period"?: "day", "usd"?: 12.5, "tokens"?: N, "soft"?: true,
/// "route"?: NAME}</c>.
/// </summary>
internal sealed class BudgetsEndpoints(BudgetAdmin budgets)
{
    private const string Shape =
        "The body must be {\"scope\": call|run|user|team|organisation|key, \"name\"?: text, \"period\"?: ever|day|month, \"usd\"?: number, \"tokens\"?: number, "
        + "\"soft\"?: true, \"route\"?: text}.";

    public Task ShowAsync(GatewayRequest request) => JsonReply.SendAsync(request.Http, 200, json =>
    {
        json.WriteString("time_zone"u8, budgets.Calendar.Zone);
        json.WriteStartArray("caps"u8);
        foreach (var cap in budgets.CapViews())
        {
            WriteCap(json, cap);
        }

        json.WriteEndArray();
        json.WriteStartArray("accounts"u8);
        foreach (var account in budgets.View())
        {
            WriteAccount(json, account);
        }

        json.WriteEndArray();
    });

    public async Task ChangeAsync(GatewayRequest request, bool set)
    {
        var (body, failure) = await RequestBody.ReadAsync(request.Http, 16 * 1024);
        using var owned = body;
        CapOptions? line = null;
        if (failure.IsNone)
        {
            (line, failure) = Read(body.Bytes);
        }

        if (line is null)
        {
            await ErrorReply.SendAsync(request.Http, failure, request.RequestId);
            return;
        }

        var problem = await budgets.ChangeCapAsync(line, set, request.Principal.Id);
        await (problem is null
            ? JsonReply.SendAsync(request.Http, 200, json =>
            {
                json.WriteString("scope"u8, ScopeNames.Of(line.Scope));
                json.WriteString("name"u8, line.Name);
                json.WriteString("period"u8, ScopeNames.Of(line.Period));
                json.WriteBoolean("set"u8, set);
            })
            : ErrorReply.SendAsync(request.Http, ApiFailure.Invalid("invalid_value", problem), request.RequestId));
    }

    private static (CapOptions? Line, ApiFailure Failure) Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            if (!ScopeNames.TryParse(Text(root, "scope", ""), out BudgetScope scope) || !ScopeNames.TryParse(Text(root, "period", "ever"), out BudgetPeriod period))
            {
                return (null, ApiFailure.Invalid("invalid_value", Shape, "scope"));
            }

            return (new CapOptions
            {
                Scope = scope,
                Name = Text(root, "name", "*"),
                Period = period,
                Usd = root.TryGetProperty("usd"u8, out var usd) ? usd.GetDecimal() : 0,
                Tokens = root.TryGetProperty("tokens"u8, out var tokens) ? tokens.GetInt64() : 0,
                Soft = root.TryGetProperty("soft"u8, out var soft) && soft.GetBoolean(),
                OnReached = new CapReachedOptions { Route = Text(root, "route", "") },
            }, default);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return (null, ApiFailure.Invalid("invalid_json", Shape));
        }
    }

    private static string Text(JsonElement root, string name, string standard) => root.TryGetProperty(name, out var value) ? value.GetString() ?? standard : standard;

    private static void WriteCap(Utf8JsonWriter json, in CapView cap)
    {
        json.WriteStartObject();
        json.WriteString("scope"u8, ScopeNames.Of(cap.Scope));
        json.WriteString("name"u8, cap.Name);
        json.WriteString("period"u8, ScopeNames.Of(cap.Cap.Period));
        WriteAmount(json, "usd", "tokens", cap.Cap.Hard);
        WriteAmount(json, "soft_usd", "soft_tokens", cap.Cap.Soft);
        if (cap.Cap.Route.Length > 0)
        {
            json.WriteString("route"u8, cap.Cap.Route);
        }

        json.WriteString("source"u8, cap.IsSet ? "set"u8 : "config"u8);
        json.WriteEndObject();
    }

    private void WriteAccount(Utf8JsonWriter json, in AccountView account)
    {
        json.WriteStartObject();
        json.WriteString("scope"u8, ScopeNames.Of(account.Key.Scope));
        json.WriteString("name"u8, account.Key.Name);
        json.WriteString("period"u8, ScopeNames.Of(account.Key.Period));
        json.WriteString("during"u8, BudgetCalendar.NameOf(account.Key.Period, account.Key.Index));
        WriteAmount(json, "cap_usd", "cap_tokens", account.Cap);
        WriteAmount(json, "soft_usd", "soft_tokens", account.SoftCap);
        WriteAmount(json, "used_usd", "used_tokens", account.Used);
        WriteAmount(json, "reserved_usd", "reserved_tokens", account.Reserved);
        if (account.Lent != default)
        {
            WriteAmount(json, "lent_usd", "lent_tokens", account.Lent);
        }

        json.WriteNumber("used_ratio"u8, Math.Round(account.UsedRatio, 6));
        if (budgets.Calendar.EndOf(account.Key.Period, account.Key.Index) is { } end)
        {
            json.WriteString("renews_at"u8, end.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
        }

        json.WriteEndObject();
    }

    /// <summary>Dollars with their exact decimals; a part without a cap is left out.</summary>
    private static void WriteAmount(Utf8JsonWriter json, string usd, string tokens, Amount amount)
    {
        if (amount.MicroUsd < Amount.Unlimited)
        {
            json.WriteNumber(usd, amount.MicroUsd / 1_000_000m);
        }

        if (amount.Tokens < Amount.Unlimited)
        {
            json.WriteNumber(tokens, amount.Tokens);
        }
    }
}
