using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Budgets;

/// <summary>What the keeper, its lending and its administration share. <see cref="Ledger"/>, <see cref="Peers"/> and <see cref="Book"/> only under <see cref="Gate"/>.</summary>
internal sealed class BudgetState : IDisposable
{
    private volatile CapTable _caps;

    public BudgetState(BudgetsOptions options, CapTable caps, IJournal journal, TimeProvider time)
    {
        Options = options;
        _caps = caps;
        Book = new CapBook(caps);
        Journal = journal;
        Time = time;
        Leases = new LeaseStore(journal);
        Peers = new PeerBlocks(Ledger);
        BudgetCalendar.TryFind(options.TimeZone, out var calendar);
        Calendar = calendar;
    }

    /// <summary>Held for arithmetic only.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Held by whoever writes leases, caps or loans: so the journal's order is the order in which they take effect.</summary>
    public SemaphoreSlim Writing { get; } = new(1, 1);
    public Ledger Ledger { get; } = new();
    public PeerBlocks Peers { get; }
    public CapBook Book { get; }
    public LeaseStore Leases { get; }
    public IJournal Journal { get; }
    public BudgetsOptions Options { get; }
    public BudgetCalendar Calendar { get; }
    public TimeProvider Time { get; }

    /// <summary>See <see cref="BudgetLending.GenerationAsync"/>; empty until it is asked for.</summary>
    public string Generation { get; set; } = "";

    /// <summary>What holds now.</summary>
    public CapTable Caps
    {
        get => _caps;
        set => _caps = value;
    }

    /// <summary>The cap of an account as the table has it now.</summary>
    public Cap CapOf(AccountKey key)
    {
        foreach (var cap in Caps.Find(key.Scope, key.Name))
        {
            if (cap.Period == key.Period)
            {
                return cap;
            }
        }

        return Cap.None;
    }

    /// <summary>Open accounts take a changed cap at once, so that what is shown is what holds. A run's own cap is known only by its calls.</summary>
    public void Recap()
    {
        foreach (var account in Ledger.Accounts)
        {
            if (account.Key.Scope is not (BudgetScope.Run or BudgetScope.Call))
            {
                account.SetCap(CapOf(account.Key));
            }
        }
    }

    /// <summary>
    /// An account was read back from the journal, which knows nothing of caps. A call finds its cap by itself; who only looks asks <see cref="RecapRestored"/> first.
    /// </summary>
    public bool IsRestored { get; set; }

    public void RecapRestored()
    {
        if (IsRestored)
        {
            IsRestored = false;
            Recap();
        }
    }

    public void Dispose() => Writing.Dispose();
}
