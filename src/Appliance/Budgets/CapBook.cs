using System.Text.Json;
using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Budgets;

/// <summary>
/// The configured caps and, over them, those that an administrator set while the appliance runs. These are records of kind <see cref="JournalKind.Admin"/>, so
/// the audit has them:
/// <c>{"event":"budget_set","by":"key:3f9a","scope":"team","name":"red","period":"day","usd":"12.5","tokens":0,"soft":false,"route":""}</c> or
/// <c>"budget_unset"</c>. Not thread-safe; the keeper's.
/// </summary>
internal sealed class CapBook(CapTable configured)
{
    private const string SetEvent = "budget_set";
    private const string UnsetEvent = "budget_unset";

    private readonly Dictionary<(BudgetScope Scope, string Name, BudgetPeriod Period, bool Soft), CapOptions> _set = [];
    private CapTable _configured = configured;

    /// <summary>What holds.</summary>
    public CapTable Table { get; private set; } = configured;

    public bool Has(CapOptions line) => _set.ContainsKey(IdOf(line));

    /// <summary>The hard or the soft cap of that name and period was set, or both.</summary>
    public bool Sets(BudgetScope scope, string name, BudgetPeriod period) =>
        _set.ContainsKey((scope, name, period, true)) || _set.ContainsKey((scope, name, period, false));

    public void Configure(CapTable configured)
    {
        _configured = configured;
        Rebuild();
    }

    public void Apply(CapOptions line, bool set)
    {
        if (set)
        {
            _set[IdOf(line)] = line;
        }
        else
        {
            _set.Remove(IdOf(line));
        }

        Rebuild();
    }

    public static ReadOnlyMemory<byte> Encode(CapOptions line, bool set, string by) => AccountJson.Encode((line, set, by), static (json, change) =>
    {
        json.WriteString("event"u8, change.set ? SetEvent : UnsetEvent);
        json.WriteString("by"u8, change.by);
        json.WriteString("scope"u8, ScopeNames.Of(change.line.Scope));
        json.WriteString("name"u8, change.line.Name);
        json.WriteString("period"u8, ScopeNames.Of(change.line.Period));
        json.WriteNumber("usd"u8, change.line.Usd);
        json.WriteNumber("tokens"u8, change.line.Tokens);
        json.WriteBoolean("soft"u8, change.line.IsSoft);
        json.WriteString("route"u8, change.line.OnReached.Route);
    });

    /// <summary>A record of an earlier life; others of the same kind are not the book's.</summary>
    public void Restore(JsonElement record)
    {
        var name = record.TryGetProperty("event"u8, out var kind) ? kind.GetString() : null;
        if (name is SetEvent or UnsetEvent
            && ScopeNames.TryParse(record.GetProperty("scope"u8).GetString() ?? "", out BudgetScope scope)
            && ScopeNames.TryParse(record.GetProperty("period"u8).GetString() ?? "", out BudgetPeriod period))
        {
            var line = new CapOptions
            {
                Scope = scope,
                Name = record.GetProperty("name"u8).GetString() ?? "*",
                Period = period,
                Usd = record.GetProperty("usd"u8).GetDecimal(),
                Tokens = record.GetProperty("tokens"u8).GetInt64(),
                Soft = record.GetProperty("soft"u8).GetBoolean(),
                OnReached = new CapReachedOptions { Route = record.GetProperty("route"u8).GetString() ?? "" },
            };
            Apply(line, name == SetEvent);
        }
    }

    private void Rebuild() => Table = _set.Count == 0 ? _configured : _configured.With(_set.Values);

    private static (BudgetScope Scope, string Name, BudgetPeriod Period, bool Soft) IdOf(CapOptions line) => (line.Scope, line.Name, line.Period, line.IsSoft);
}
