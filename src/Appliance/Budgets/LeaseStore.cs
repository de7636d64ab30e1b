using System.Buffers;
using System.Text.Json;
using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Budgets;

/// <summary>
/// Leases on disk: records of kind <see cref="JournalKind.BudgetLease"/>, each the whole lease of some accounts (so the last one of an account holds):
/// <c>{"leases":[{"scope":"team","name":"red","period":"day","index":739577,"usd":1250000,"tokens":90000}]}</c>, money in micro-dollars, or
/// <c>"closed":true</c> in place of the amounts.
/// </summary>
internal sealed class LeaseStore(IJournal journal)
{
    /// <summary>A run that has not been touched for so long is over, closed or not.</summary>
    private static readonly TimeSpan RunMemory = TimeSpan.FromDays(31);

    /// <summary>About 150 B each: a record stays far below the journal's 64 KB.</summary>
    private const int LeasesPerRecord = 200;

    /// <summary>Completes when the leases are durable.</summary>
    public async ValueTask WriteAsync(IReadOnlyList<(AccountKey Key, Amount Leased)> leases)
    {
        for (var i = 0; i < leases.Count; i += LeasesPerRecord)
        {
            await journal.AppendAsync(JournalKind.BudgetLease, Encode(leases, i)).ConfigureAwait(false);
        }
    }

    /// <summary>Durable soon; for what could not be known ahead.</summary>
    public void Note(AccountKey key, Amount leased) => journal.Append(JournalKind.BudgetLease, Encode([(key, leased)], 0).Span);

    public void Close(AccountKey key)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartArray("leases"u8);
            WriteKey(json, key);
            json.WriteBoolean("closed"u8, true);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }

        journal.Append(JournalKind.BudgetLease, buffer.WrittenSpan);
    }

    /// <summary>Restores what a record says, unless its period or its run is long over.</summary>
    public static void Apply(in JournalRecord record, Ledger ledger, DateTimeOffset now)
    {
        using var document = JsonDocument.Parse(record.Payload);
        foreach (var lease in document.RootElement.GetProperty("leases"u8).EnumerateArray())
        {
            if (KeyOf(lease) is not { } key || IsOver(key, record.UtcTicks, now))
            {
                continue;
            }

            if (lease.TryGetProperty("closed"u8, out _))
            {
                ledger.Remove(key);
            }
            else
            {
                ledger.Restore(key, new Amount(lease.GetProperty("usd"u8).GetInt64(), lease.GetProperty("tokens"u8).GetInt64()));
            }
        }
    }

    private static ReadOnlyMemory<byte> Encode(IReadOnlyList<(AccountKey Key, Amount Leased)> leases, int from)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteStartArray("leases"u8);
        for (var i = from; i < Math.Min(leases.Count, from + LeasesPerRecord); i++)
        {
            WriteKey(json, leases[i].Key);
            json.WriteNumber("usd"u8, leases[i].Leased.MicroUsd);
            json.WriteNumber("tokens"u8, leases[i].Leased.Tokens);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    private static void WriteKey(Utf8JsonWriter json, AccountKey key)
    {
        json.WriteStartObject();
        json.WriteString("scope"u8, ScopeNames.Of(key.Scope));
        json.WriteString("name"u8, key.Name);
        json.WriteString("period"u8, ScopeNames.Of(key.Period));
        json.WriteNumber("index"u8, key.Index);
    }

    private static AccountKey? KeyOf(JsonElement lease) =>
        ScopeNames.TryParse(lease.GetProperty("scope"u8).GetString() ?? "", out BudgetScope scope)
        && ScopeNames.TryParse(lease.GetProperty("period"u8).GetString() ?? "", out BudgetPeriod period)
            ? new AccountKey(scope, lease.GetProperty("name"u8).GetString() ?? "", period, lease.GetProperty("index"u8).GetInt32())
            : null;

    private static bool IsOver(AccountKey key, long writtenTicks, DateTimeOffset now) => key.Period == BudgetPeriod.Ever
        ? key.Scope == BudgetScope.Run && now.UtcTicks - writtenTicks > RunMemory.Ticks
        : key.Index < Periods.IndexOf(key.Period, now);
}
