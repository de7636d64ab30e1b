using System.Buffers;
using System.Text.Json;

namespace Jesus.Appliance.Budgets;

/// <summary>Keys and amounts of accounts as they stand in the journal. Spellings on disk never change.</summary>
internal static class AccountJson
{
    public static void WriteKey(Utf8JsonWriter json, AccountKey key)
    {
        json.WriteString("scope"u8, ScopeNames.Of(key.Scope));
        json.WriteString("name"u8, key.Name);
        json.WriteString("period"u8, ScopeNames.Of(key.Period));
        json.WriteNumber("index"u8, key.Index);
    }

    public static void WriteAmount(Utf8JsonWriter json, Amount amount)
    {
        json.WriteNumber("usd"u8, amount.MicroUsd);
        json.WriteNumber("tokens"u8, amount.Tokens);
    }

    /// <summary>Null where a later version wrote a scope or period that this one does not know.</summary>
    public static AccountKey? KeyOf(JsonElement item) =>
        ScopeNames.TryParse(item.GetProperty("scope"u8).GetString() ?? "", out BudgetScope scope)
        && ScopeNames.TryParse(item.GetProperty("period"u8).GetString() ?? "", out BudgetPeriod period)
            ? new AccountKey(scope, item.GetProperty("name"u8).GetString() ?? "", period, item.GetProperty("index"u8).GetInt32())
            : null;

    public static Amount AmountOf(JsonElement item) => new(item.GetProperty("usd"u8).GetInt64(), item.GetProperty("tokens"u8).GetInt64());

    /// <summary>One JSON object as bytes.</summary>
    public static ReadOnlyMemory<byte> Encode<T>(T value, Action<Utf8JsonWriter, T> write)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        write(json, value);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }
}
