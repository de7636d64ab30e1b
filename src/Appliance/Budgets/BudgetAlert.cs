using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Pricing;

namespace Jesus.Appliance.Budgets;

/// <summary>What somebody is told of a cap, once in its period.</summary>
/// <param name="Percent">75, 90 or 100 of the cap; 0 for an overrun.</param>
/// <param name="Detail">For an overrun: who billed how much more than it was allowed to.</param>
public sealed record BudgetAlert(AccountKey Key, int Percent, Amount Cap, Amount Used, DateTimeOffset At, string Detail = "")
{
    public bool IsOverrun => Percent == 0;

    /// <summary>The same for the same alert, however often it is sent: what a receiver tells repeats by.</summary>
    public string Id => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
        $"{Key.Display}|{Key.Index}|{Percent}|{(IsOverrun ? At.UtcTicks : 0)}|{Detail}"))).AsSpan(0, 12));

    /// <summary>One line for a person.</summary>
    public string Message => IsOverrun
        ? $"overrun on the budget of {Key.Display}: {Detail}"
        : string.Create(CultureInfo.InvariantCulture, $"{Percent} % of the budget of {Key.Display}{Of(Key)} is used: {Figures}");

    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("id"u8, Id);
        json.WriteString("type"u8, IsOverrun ? "budget.overrun"u8 : "budget.threshold"u8);
        json.WriteNumber("percent"u8, Percent);
        AccountJson.WriteKey(json, Key);
        json.WriteString("during"u8, BudgetCalendar.NameOf(Key.Period, Key.Index));
        WritePart(json, "cap_usd"u8, "cap_tokens"u8, Cap);
        WritePart(json, "used_usd"u8, "used_tokens"u8, Used);
        json.WriteString("at"u8, At.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
        json.WriteString("message"u8, Message);
        json.WriteString("detail"u8, Detail);
    }

    /// <summary>Null where a later version wrote what this one does not know.</summary>
    internal static BudgetAlert? Read(JsonElement item) => AccountJson.KeyOf(item) is { } key
        ? new BudgetAlert(key, item.GetProperty("percent"u8).GetInt32(), ReadPart(item, "cap_usd", "cap_tokens"), ReadPart(item, "used_usd", "used_tokens"),
            item.GetProperty("at"u8).GetDateTimeOffset(), item.GetProperty("detail"u8).GetString() ?? "")
        : null;

    private string Figures => Cap.MicroUsd < Amount.Unlimited
        ? $"{Money.Text(Used.MicroUsd)} of {Money.Text(Cap.MicroUsd)}"
        : string.Create(CultureInfo.InvariantCulture, $"{Used.Tokens:#,0} of {Cap.Tokens:#,0} tokens");

    private static string Of(AccountKey key) => key.Period == BudgetPeriod.Ever ? "" : $" ({BudgetCalendar.NameOf(key.Period, key.Index)})";

    /// <summary>Dollars with their exact decimals; what has no cap is left out.</summary>
    private static void WritePart(Utf8JsonWriter json, ReadOnlySpan<byte> usd, ReadOnlySpan<byte> tokens, Amount amount)
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

    private static Amount ReadPart(JsonElement item, string usd, string tokens) => new(
        item.TryGetProperty(usd, out var money) ? (long)(money.GetDecimal() * 1_000_000m) : Amount.Unlimited,
        item.TryGetProperty(tokens, out var count) ? count.GetInt64() : Amount.Unlimited);
}

/// <summary>Somewhere that alerts go: the webhook; a message bus when the appliance has one. The log has them all already.</summary>
public interface IAlertOutlet
{
    /// <summary>Names it in the log.</summary>
    string Name { get; }

    /// <summary>Tries until it is taken or given up on; never throws but when cancelled.</summary>
    /// <returns>Null when it was taken, else why not.</returns>
    ValueTask<string?> SendAsync(BudgetAlert alert, CancellationToken cancel);
}
