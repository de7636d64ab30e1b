using Jesus.Appliance.Budgets;
using Jesus.Appliance.Storage;
using Jesus.Appliance.Storage.Journal;

namespace Jesus.Bench.Budgets;

/// <summary>Spends from a real journal until it is killed: a line <c>reserved N</c> before a cost can arise, <c>spent N</c> (micro-dollars) once it has.</summary>
public static class Spender
{
    public static readonly BudgetsOptions Options = new()
    {
        Caps = [new CapOptions { Scope = BudgetScope.Team, Name = "red", Period = BudgetPeriod.Ever, Usd = 1_000 }],
        LeaseShare = 0.001m,
    };

    public static async Task RunAsync(string folder, int seed)
    {
        using var journal = Journal.Open(new PosixDisk(), folder, new JournalOptions(), TimeProvider.System);
        using var keeper = Restored(journal);
        var dice = new Dice(seed);
        await using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        var reservation = new Reservation();
        while (true)
        {
            keeper.Open(reservation, new BudgetScopes("ann", "red", "org", "", default));
            var asked = new Amount(dice.Next(50_000) + 1, 10);
            if (!(await keeper.ReserveAsync(reservation, asked)).IsNone)
            {
                await output.WriteLineAsync("full");
                return;
            }

            await output.WriteLineAsync($"reserved {asked.MicroUsd}");
            var used = new Amount(dice.Next((int)asked.MicroUsd + 1), 5);
            await output.WriteLineAsync($"spent {used.MicroUsd}");
            await keeper.SettleAsync(reservation, used);
        }
    }

    /// <summary>A keeper that knows what the journal does.</summary>
    public static BudgetKeeper Restored(IJournal journal)
    {
        var keeper = new BudgetKeeper(Options, CapTable.Build(Options, []), journal, TimeProvider.System);
        foreach (var record in journal.ReadAfter(JournalPosition.Start))
        {
            if (record.Kind is JournalKind.BudgetLease or JournalKind.Admin)
            {
                keeper.Restore(record);
            }
        }

        return keeper;
    }
}
