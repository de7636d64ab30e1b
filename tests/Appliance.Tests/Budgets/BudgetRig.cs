using Jesus.Appliance.Budgets;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tests.Pipeline;

namespace Jesus.Appliance.Tests.Budgets;

/// <summary>A keeper over a journal in memory that can crash.</summary>
internal static class BudgetRig
{
    public static BudgetKeeper Keeper(BudgetsOptions options, MemoryJournal journal, TimeProvider? time = null, BudgetAlerts? alerts = null)
    {
        var errors = new List<string>();
        var keeper = new BudgetKeeper(options, CapTable.Build(options, errors), journal, time ?? TimeProvider.System) { Alerts = alerts };
        Assert.Empty(errors);
        foreach (var record in journal.ReadAfter(JournalPosition.Start))
        {
            keeper.Restore(record);
        }

        return keeper;
    }

    /// <summary>Reserves and settles the same amount.</summary>
    public static async Task<BudgetRefusal> SpendAsync(BudgetKeeper keeper, long microUsd, string user = "ann", long? used = null)
    {
        var reservation = new Reservation();
        keeper.Open(reservation, new BudgetScopes(user, "red", "org", "", default, "key:1"));
        var refusal = await keeper.ReserveAsync(reservation, new Amount(microUsd, 1));
        if (refusal.IsNone)
        {
            await keeper.SettleAsync(reservation, new Amount(used ?? microUsd, 1));
        }

        return refusal;
    }

    public static AccountView Account(BudgetKeeper keeper, BudgetScope scope) => Assert.Single(keeper.Admin.View(), a => a.Key.Scope == scope);
}
