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
    /// <summary>About 150 B each: a record stays far below the journal's 64 KB.</summary>
    private const int LeasesPerRecord = 200;

    /// <summary>Completes when the leases are durable.</summary>
    public async ValueTask WriteAsync(IReadOnlyList<(AccountKey Key, Amount Leased)> leases)
    {
        for (var i = 0; i < leases.Count; i += LeasesPerRecord)
        {
            var from = i;
            await journal.AppendAsync(JournalKind.BudgetLease, AccountJson.Encode((leases, from), static (json, part) => WriteLeases(json, part.leases, part.from)))
                .ConfigureAwait(false);
        }
    }

    /// <summary>Durable soon: a crash before it leaves the larger lease. Only while no other write of leases is under way.</summary>
    public void Lower(AccountKey key, Amount leased)
    {
        var record = AccountJson.Encode((key, leased), static (json, lower) => WriteLeases(json, [lower], 0));
        journal.Append(JournalKind.BudgetLease, record.Span);
    }

    /// <summary>Durable soon: a crash before it leaves an account that says too much, never too little.</summary>
    public void Close(AccountKey key)
    {
        var record = AccountJson.Encode(key, static (json, closed) =>
        {
            json.WriteStartArray("leases"u8);
            json.WriteStartObject();
            AccountJson.WriteKey(json, closed);
            json.WriteBoolean("closed"u8, true);
            json.WriteEndObject();
            json.WriteEndArray();
        });
        journal.Append(JournalKind.BudgetLease, record.Span);
    }

    /// <summary>Restores what a record says, whatever the clock says: see <see cref="Ledger.PeriodsKept"/>.</summary>
    public static void Apply(JsonElement leases, Ledger ledger)
    {
        foreach (var lease in leases.EnumerateArray())
        {
            if (AccountJson.KeyOf(lease) is not { } key)
            {
                continue;
            }

            if (lease.TryGetProperty("closed"u8, out _))
            {
                ledger.Remove(key);
            }
            else
            {
                ledger.Restore(key, AccountJson.AmountOf(lease));
            }
        }
    }

    private static void WriteLeases(Utf8JsonWriter json, IReadOnlyList<(AccountKey Key, Amount Leased)> leases, int from)
    {
        json.WriteStartArray("leases"u8);
        for (var i = from; i < Math.Min(leases.Count, from + LeasesPerRecord); i++)
        {
            json.WriteStartObject();
            AccountJson.WriteKey(json, leases[i].Key);
            AccountJson.WriteAmount(json, leases[i].Leased);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
