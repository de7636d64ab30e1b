using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Budgets;

/// <summary>Caps and accounts as an administrator sees and sets them. Thread-safe.</summary>
public sealed class BudgetAdmin
{
    private readonly BudgetState _state;

    internal BudgetAdmin(BudgetState state) => _state = state;

    /// <summary>Whose midnights begin days and months.</summary>
    public BudgetCalendar Calendar => _state.Calendar;

    /// <summary>Sets a cap over the configuration, or takes such a one back; durable when this completes, and at once in force.</summary>
    /// <returns>Null, or what is wrong with the line.</returns>
    public async ValueTask<string?> ChangeCapAsync(CapOptions line, bool set, string by)
    {
        var errors = new List<string>();
        CapCheck.Check("the cap", set ? line : line with { Usd = 1 }, errors);
        if (errors.Count > 0)
        {
            return string.Join(' ', errors);
        }

        await _state.Writing.WaitAsync().ConfigureAwait(false);
        try
        {
            if (!set && !_state.Book.Has(line))
            {
                return "No such cap was set; those of the configuration are changed there.";
            }

            await _state.Journal.AppendAsync(JournalKind.Admin, CapBook.Encode(line, set, by)).ConfigureAwait(false);
            lock (_state.Gate)
            {
                _state.Book.Apply(line, set);
                _state.Caps = _state.Book.Table;
                _state.Recap();
            }

            return null;
        }
        finally
        {
            _state.Writing.Release();
        }
    }

    /// <summary>A copy of the accounts for display.</summary>
    public IReadOnlyList<AccountView> View()
    {
        lock (_state.Gate)
        {
            _state.RecapRestored();
            return [.. _state.Ledger.Accounts.Select(a => new AccountView(a.Key, a.Cap, a.Used, a.Reserved) { SoftCap = a.SoftCap, Lent = a.Lent, UsedRatio = a.UsedRatio })];
        }
    }

    /// <summary>The caps that hold, and whether each was set over the configuration.</summary>
    public IReadOnlyList<CapView> CapViews()
    {
        lock (_state.Gate)
        {
            return
            [
                .. from entry in _state.Caps.Lines
                   from cap in entry.Value.Values
                   select new CapView(entry.Key.Scope, entry.Key.Name, cap, _state.Book.Sets(entry.Key.Scope, entry.Key.Name, cap.Period)),
            ];
        }
    }

    /// <summary>By scope, for the gauges.</summary>
    internal ScopeTotals[] Totals()
    {
        var totals = new ScopeTotals[Enum.GetValues<BudgetScope>().Length];
        var now = _state.Time.GetUtcNow();
        lock (_state.Gate)
        {
            _state.RecapRestored();
            foreach (var account in _state.Ledger.Accounts)
            {
                var key = account.Key;
                if (key.Index == _state.Calendar.IndexOf(key.Period, now))
                {
                    ref var total = ref totals[(int)key.Scope];
                    total = new ScopeTotals(total.Accounts + 1, Math.Max(total.UsedRatio, account.UsedRatio), total.ReservedMicroUsd + account.Reserved.MicroUsd);
                }
            }
        }

        return totals;
    }
}

/// <summary>An account as shown.</summary>
public readonly record struct AccountView(AccountKey Key, Amount Cap, Amount Used, Amount Reserved)
{
    public Amount SoftCap { get; init; }
    public Amount Lent { get; init; }
    public double UsedRatio { get; init; }
}

/// <summary>A cap as shown.</summary>
/// <param name="IsSet">By an administrator, over the configuration.</param>
public readonly record struct CapView(BudgetScope Scope, string Name, Cap Cap, bool IsSet);
