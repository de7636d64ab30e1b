using Jesus.Appliance.Budgets;
using Jesus.Appliance.Federation.Budgets;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tests.Budgets;
using Jesus.Appliance.Tests.Pipeline;
using Microsoft.Extensions.Logging.Abstractions;

namespace Jesus.Appliance.Tests.Federation.Budgets;

/// <summary>One box with its books, which can die and live again.</summary>
internal sealed class LoanBox : IDisposable
{
    private readonly BudgetsOptions _options;
    private readonly Func<string, ILoanBoard> _boardOf;
    private readonly TimeProvider _time;
    private MemoryJournal _journal = new();
    private int _generations;

    public LoanBox(string name, BudgetsOptions options, Func<string, ILoanBoard> boardOf, TimeProvider time)
    {
        (Name, _options, _boardOf, _time) = (name, options, boardOf, time);
        (Keeper, Shared) = Open();
    }

    public string Name { get; }
    public BudgetKeeper Keeper { get; private set; }
    public SharedBudgets Shared { get; private set; }

    public async Task<bool> SpendAsync(long microUsd) => (await BudgetRig.SpendAsync(Keeper, microUsd)).IsNone;

    /// <summary>Dies and reads its journal.</summary>
    public void Crash()
    {
        Keeper.Dispose();
        _journal.Crash();
        (Keeper, Shared) = Open();
    }

    /// <summary>Dies and has lost its disk.</summary>
    public void Wipe()
    {
        Keeper.Dispose();
        _journal = new MemoryJournal();
        _generations++;
        (Keeper, Shared) = Open();
    }

    public void Dispose() => Keeper.Dispose();

    private (BudgetKeeper Keeper, SharedBudgets Shared) Open()
    {
        var errors = new List<string>();
        var keeper = new BudgetKeeper(_options, CapTable.Build(_options, errors, Name), _journal, _time);
        Assert.Empty(errors);
        foreach (var record in _journal.ReadAfter(JournalPosition.Start))
        {
            keeper.Restore(record);
        }

        var generation = keeper.Lending.GenerationAsync($"g{_generations}").AsTask().GetAwaiter().GetResult();
        return (keeper, new SharedBudgets(Name, generation, keeper, _boardOf($"{Name}.{generation}"), _time, NullLogger.Instance));
    }
}
