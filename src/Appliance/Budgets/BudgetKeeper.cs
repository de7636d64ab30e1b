using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Telemetry;

namespace Jesus.Appliance.Budgets;

/// <summary>
/// Steps 3 and 7: reserves the worst case of a call against every cap at once, leases more of a cap ahead through the journal when needed, and settles.
/// Thread-safe; the lock is held for arithmetic only.
/// </summary>
public sealed class BudgetKeeper : IDisposable
{
    /// <summary>Others may take a fresh lease before its requester does; so often in a row only under a load that should be shed.</summary>
    private const int LeaseRounds = 64;

    private static readonly Gauge<double> UsedRatio = JesusMeter.Instance.CreateGauge<double>(
        "budget_used_ratio", description: "Share of a cap that is used or held.");

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _leasing = new(1, 1);
    private readonly Ledger _ledger = new();
    private readonly LeaseStore _leases;
    private readonly BudgetsOptions _options;
    private readonly TimeProvider _time;
    private volatile CapTable _caps;

    public BudgetKeeper(BudgetsOptions options, CapTable caps, IJournal journal, TimeProvider time)
    {
        _options = options;
        _caps = caps;
        _time = time;
        _leases = new LeaseStore(journal);
    }

    /// <summary>Replaces the caps on a reload; what is used stays.</summary>
    public void Replace(CapTable caps) => _caps = caps;

    /// <summary>
    /// Takes the leases of an earlier life back from the journal: call once, before the first call, for every record of kind
    /// <see cref="JournalKind.BudgetLease"/> in order.
    /// </summary>
    public void Restore(in JournalRecord record)
    {
        lock (_gate)
        {
            LeaseStore.Apply(record, _ledger, _time.GetUtcNow());
        }
    }

    /// <summary>Finds the accounts of a call. Call before <see cref="ReserveAsync"/>.</summary>
    public void Open(Reservation reservation, in BudgetScopes scopes)
    {
        reservation.Reset();
        if (_caps.IsEmpty && scopes.RunCap == default)
        {
            return;
        }

        var now = _time.GetUtcNow();
        lock (_gate)
        {
            OpenLocked(reservation, scopes, now);
        }
    }

    /// <summary>Holds the amount on top of what the reservation holds already. Nothing is held when it is refused.</summary>
    /// <exception cref="JournalFailedException">A lease could not be made durable: the process must stop.</exception>
    public ValueTask<BudgetRefusal> ReserveAsync(Reservation reservation, Amount amount)
    {
        BudgetRefusal refusal;
        ReserveVerdict verdict;
        lock (_gate)
        {
            verdict = TryReserve(reservation, amount, out refusal);
        }

        return verdict == ReserveVerdict.NeedsLease ? LeaseAndReserveAsync(reservation, amount) : ValueTask.FromResult(refusal);
    }

    /// <summary>What was used is charged; the rest of what was held is free again.</summary>
    public void Settle(Reservation reservation, Amount used)
    {
        if (reservation.Accounts.Count > 0)
        {
            lock (_gate)
            {
                _ledger.Settle(CollectionsMarshal.AsSpan(reservation.Accounts), reservation.Held, used);
                NoteOverrun(reservation);
            }
        }

        reservation.Held = default;
    }

    /// <summary>A run has ended: its account is closed, on disk too.</summary>
    public void ForgetRun(string runId)
    {
        var key = new AccountKey(BudgetScope.Run, runId, BudgetPeriod.Ever, 0);
        lock (_gate)
        {
            if (_ledger.TryGet(key, out _))
            {
                _ledger.Remove(key);
                _leases.Close(key);
            }
        }
    }

    /// <summary>A clean stop: writes what was really used, so that the next start counts exactly. Call when no call is in progress.</summary>
    public async ValueTask StopAsync()
    {
        List<(AccountKey Key, Amount Leased)> used = [];
        lock (_gate)
        {
            foreach (var account in _ledger.Accounts)
            {
                used.Add((account.Key, account.Used + account.Reserved));
            }
        }

        await _leases.WriteAsync(used).ConfigureAwait(false);
    }

    /// <summary>A copy of the accounts for display.</summary>
    public IReadOnlyList<AccountView> View()
    {
        lock (_gate)
        {
            return [.. _ledger.Accounts.Select(a => new AccountView(a.Key, a.Cap, a.Used, a.Reserved))];
        }
    }

    public void Dispose() => _leasing.Dispose();

    private ReserveVerdict TryReserve(Reservation reservation, Amount amount, out BudgetRefusal refusal)
    {
        refusal = default;
        if (!(reservation.Held + amount).FitsIn(reservation.CallCap))
        {
            refusal = new BudgetRefusal(new AccountKey(BudgetScope.Call, "*", BudgetPeriod.Ever, 0), reservation.CallCap, default, reservation.Held, amount);
            return ReserveVerdict.Refused;
        }

        var verdict = _ledger.TryReserve(CollectionsMarshal.AsSpan(reservation.Accounts), amount, out var blocking);
        if (verdict == ReserveVerdict.Granted)
        {
            reservation.Held += amount;
        }
        else if (blocking is not null)
        {
            refusal = new BudgetRefusal(blocking.Key, blocking.Cap, blocking.Used, blocking.Reserved, amount);
        }

        return verdict;
    }

    private async ValueTask<BudgetRefusal> LeaseAndReserveAsync(Reservation reservation, Amount amount)
    {
        await _leasing.WaitAsync().ConfigureAwait(false);
        try
        {
            List<(AccountKey Key, Amount Leased)> wanted = [];
            for (var round = 0; round < LeaseRounds; round++)
            {
                lock (_gate)
                {
                    if (TryReserve(reservation, amount, out var refusal) != ReserveVerdict.NeedsLease)
                    {
                        return refusal;
                    }

                    CollectWanted(reservation, amount, wanted);
                }

                await _leases.WriteAsync(wanted).ConfigureAwait(false);
                Grant(wanted);
            }

            throw new InvalidOperationException($"A budget lease was taken away {LeaseRounds} times in a row; the appliance has more calls than it can account for.");
        }
        finally
        {
            _leasing.Release();
        }
    }

    private void CollectWanted(Reservation reservation, Amount amount, List<(AccountKey Key, Amount Leased)> wanted)
    {
        wanted.Clear();
        foreach (var account in reservation.Accounts)
        {
            if (!(account.Used + account.Reserved + amount).FitsIn(account.Leased))
            {
                wanted.Add((account.Key, Ledger.LeaseFor(account, amount, _options.LeaseShare)));
            }
        }
    }

    private void Grant(List<(AccountKey Key, Amount Leased)> granted)
    {
        lock (_gate)
        {
            foreach (var (key, leased) in granted)
            {
                if (_ledger.TryGet(key, out var account))
                {
                    account.Leased = Amount.Max(account.Leased, leased);
                    UsedRatio.Record(account.UsedRatio, new KeyValuePair<string, object?>("scope", ScopeNames.Of(key.Scope)));
                }
            }
        }
    }

    private void NoteOverrun(Reservation reservation)
    {
        foreach (var account in reservation.Accounts)
        {
            if (!(account.Used + account.Reserved).FitsIn(account.Leased))
            {
                account.Leased = Amount.Max(account.Leased, account.Used + account.Reserved);
                _leases.Note(account.Key, account.Leased);
            }
        }
    }

    private void OpenLocked(Reservation reservation, in BudgetScopes scopes, DateTimeOffset now)
    {
        if (_ledger.Count >= _options.AccountsMax)
        {
            _ledger.ForgetPast(now);
        }

        var caps = _caps;
        foreach (var cap in caps.Find(BudgetScope.Call, "*"))
        {
            reservation.CallCap = Amount.Min(reservation.CallCap, cap.Amount);
            NoteCap(reservation, cap.Amount);
        }

        OpenRun(reservation, scopes, caps);
        OpenScope(reservation, BudgetScope.User, scopes.User, caps, now);
        OpenScope(reservation, BudgetScope.Team, scopes.Team, caps, now);
        OpenScope(reservation, BudgetScope.Organisation, scopes.Organisation, caps, now);
    }

    private void OpenRun(Reservation reservation, in BudgetScopes scopes, CapTable caps)
    {
        if (scopes.RunId.Length == 0)
        {
            return;
        }

        var own = CapTable.AmountOf(scopes.RunCap.MicroUsd, scopes.RunCap.Tokens);
        foreach (var cap in caps.Find(BudgetScope.Run, "*"))
        {
            own = Amount.Min(own, cap.Amount);
        }

        if (own != Reservation.Unlimited)
        {
            Add(reservation, new AccountKey(BudgetScope.Run, scopes.RunId, BudgetPeriod.Ever, 0), own);
        }
    }

    private void OpenScope(Reservation reservation, BudgetScope scope, string name, CapTable caps, DateTimeOffset now)
    {
        if (name.Length == 0)
        {
            return;
        }

        foreach (var cap in caps.Find(scope, name))
        {
            Add(reservation, new AccountKey(scope, name, cap.Period, Periods.IndexOf(cap.Period, now)), cap.Amount);
        }
    }

    private void Add(Reservation reservation, AccountKey key, Amount cap)
    {
        reservation.Accounts.Add(_ledger.Open(key, cap));
        NoteCap(reservation, cap);
    }

    private static void NoteCap(Reservation reservation, Amount cap)
    {
        reservation.HasCaps = true;
        reservation.CapsMoney |= cap.MicroUsd < Amount.Unlimited;
    }
}

/// <summary>An account as shown.</summary>
public readonly record struct AccountView(AccountKey Key, Amount Cap, Amount Used, Amount Reserved);
