using System.Runtime.InteropServices;
using System.Text.Json;
using Jesus.Appliance.Storage.Journal;
using Jesus.Transport.Timing;

namespace Jesus.Appliance.Budgets;

/// <summary>
/// Steps 3 and 7: reserves the worst case of a call against every cap at once, leases more of a cap ahead through the journal when needed, and settles.
/// Thread-safe; the lock is held for arithmetic only, and where the leases suffice nothing is allocated or awaited.
/// </summary>
public sealed class BudgetKeeper : IDisposable
{
    /// <summary>Others may take a fresh lease before its requester does; so often in a row only under a load that should be shed.</summary>
    private const int LeaseRounds = 64;

    /// <summary>Blocks that may lie leased and unused, and for how long more may: giving up sooner would make the next burst wait for a sync again.</summary>
    private const int SpareBlocks = 4;
    private const long TrimAfterMs = 60_000;

    /// <summary>A round through the owner of a cap, with time to spare.</summary>
    private static readonly TimeSpan LoanTakes = TimeSpan.FromSeconds(2);

    private readonly BudgetState _state;
    private int _sweepAt;

    public BudgetKeeper(BudgetsOptions options, CapTable caps, IJournal journal, TimeProvider time)
    {
        _state = new BudgetState(options, caps, journal, time);
        _sweepAt = options.AccountsMax;
        Lending = new BudgetLending(_state, this);
        Admin = new BudgetAdmin(_state);
    }

    /// <summary>Told of thresholds and overruns; null tells nobody.</summary>
    public BudgetAlerts? Alerts { get; init; }

    /// <summary>Blocks of caps between boxes.</summary>
    public BudgetLending Lending { get; }

    /// <summary>Caps and accounts as an administrator sees and sets them.</summary>
    public BudgetAdmin Admin { get; }

    /// <summary>Replaces the configured caps on a reload; what is used stays, and so do the caps that were set while it ran.</summary>
    public void Replace(CapTable caps)
    {
        lock (_state.Gate)
        {
            _state.Book.Configure(caps);
            _state.Caps = _state.Book.Table;
            _state.Recap();
        }
    }

    /// <summary>
    /// Takes back from the journal what an earlier life wrote: call once, before the first call, for every record of the kinds
    /// <see cref="JournalKind.BudgetLease"/> and <see cref="JournalKind.Admin"/> in order. Everything leased counts as used.
    /// </summary>
    public void Restore(in JournalRecord record)
    {
        using var document = JsonDocument.Parse(record.Payload);
        var root = document.RootElement;
        lock (_state.Gate)
        {
            _state.IsRestored = true;
            if (record.Kind == JournalKind.Admin)
            {
                _state.Book.Restore(root);
                _state.Caps = _state.Book.Table;
            }
            else
            {
                RestoreLocked(root);
            }
        }
    }

    /// <summary>Finds the accounts of a call. Call before <see cref="ReserveAsync"/>.</summary>
    public void Open(Reservation reservation, in BudgetScopes scopes)
    {
        reservation.Reset();
        if (_state.Caps.IsEmpty && scopes.RunCap == default)
        {
            return;
        }

        var now = _state.Time.GetUtcNow();
        lock (_state.Gate)
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
        lock (_state.Gate)
        {
            verdict = TryReserve(reservation, amount, out refusal);
        }

        if (verdict == ReserveVerdict.NeedsLease)
        {
            return LeaseAndReserveAsync(reservation, amount);
        }

        if (refusal.IsStarved)
        {
            Lending.Starved?.Invoke();
        }

        return ValueTask.FromResult(refusal);
    }

    /// <summary>
    /// What was used is charged; the rest of what was held is free again. Completes at once, but where more was used than was leased (an overrun): then when
    /// that is durable.
    /// </summary>
    /// <exception cref="JournalFailedException">As above.</exception>
    public ValueTask SettleAsync(Reservation reservation, Amount used)
    {
        var overdrawn = false;
        if (reservation.Accounts.Count > 0)
        {
            lock (_state.Gate)
            {
                var accounts = CollectionsMarshal.AsSpan(reservation.Accounts);
                if (Ledger.Settle(accounts, reservation.Held, used))
                {
                    overdrawn = Follow(accounts);
                }
            }
        }

        reservation.Held = default;
        return overdrawn ? CatchUpAsync([.. reservation.Accounts]) : ValueTask.CompletedTask;
    }

    /// <summary>A provider states more than it was allowed to use. It is charged truly with the call; this counts and tells it.</summary>
    /// <param name="what">Who states what, and what was allowed.</param>
    /// <param name="microUsdAbove">Money above the bound; not above 0 where only tokens are.</param>
    public void ReportOverrun(Reservation reservation, string what, long microUsdAbove)
    {
        BudgetMetrics.Overran(microUsdAbove);
        var account = reservation.Accounts.Count > 0 ? reservation.Accounts[^1] : null;
        Alerts?.Raise(new BudgetAlert(
            account?.Key ?? new AccountKey(BudgetScope.Call, "*", BudgetPeriod.Ever, 0), 0, account?.AlertCap ?? Amount.None, account?.Used ?? default, _state.Time.GetUtcNow(),
            what + "; all of it is charged"));
    }

    /// <summary>A run has ended: its account is closed, on disk too.</summary>
    public void ForgetRun(string runId)
    {
        var key = new AccountKey(BudgetScope.Run, runId, BudgetPeriod.Ever, 0);
        lock (_state.Gate)
        {
            if (_state.Ledger.TryGet(key, out _))
            {
                _state.Ledger.Remove(key);
                _state.Leases.Close(key);
            }
        }
    }

    /// <summary>How long until a refusing cap renews; zero when it does not.</summary>
    public TimeSpan UntilRenewal(in BudgetRefusal refusal) => refusal.IsStarved ? LoanTakes :
        refusal.RenewsAt is { } at && at > _state.Time.GetUtcNow() ? at - _state.Time.GetUtcNow() : TimeSpan.Zero;

    /// <summary>A clean stop: writes what was really used, so that the next start counts exactly. Call when no call is in progress.</summary>
    public async ValueTask StopAsync()
    {
        List<(AccountKey Key, Amount Leased)> used = [];
        lock (_state.Gate)
        {
            foreach (var account in _state.Ledger.Accounts)
            {
                used.Add((account.Key, account.Used + account.Reserved));
            }
        }

        await _state.Leases.WriteAsync(used).ConfigureAwait(false);
    }

    public void Dispose() => _state.Dispose();

    private ReserveVerdict TryReserve(Reservation reservation, Amount amount, out BudgetRefusal refusal)
    {
        refusal = default;
        var held = reservation.Held + amount;
        var softly = !reservation.PassesSoftCaps && !held.FitsIn(reservation.CallSoftCap);
        if (softly || !held.FitsIn(reservation.CallCap))
        {
            softly &= held.FitsIn(reservation.CallCap);
            BudgetMetrics.Refused(BudgetScope.Call, softly);
            var key = new AccountKey(BudgetScope.Call, "*", BudgetPeriod.Ever, 0);
            refusal = new BudgetRefusal(key, softly ? reservation.CallSoftCap : reservation.CallCap, default, reservation.Held, amount)
            {
                IsSoft = softly,
                Route = reservation.CallSoftRoute,
            };
            return ReserveVerdict.Refused;
        }

        var verdict = Ledger.TryReserve(CollectionsMarshal.AsSpan(reservation.Accounts), amount, reservation.PassesSoftCaps, out var blocking);
        if (verdict == ReserveVerdict.Granted)
        {
            reservation.Held = held;
        }
        else if (blocking is not null)
        {
            refusal = Refuse(blocking, amount, verdict == ReserveVerdict.SoftlyRefused);
        }

        return verdict;
    }

    private BudgetRefusal Refuse(Account account, Amount amount, bool softly)
    {
        BudgetMetrics.Refused(account.Key.Scope, softly);

        // A cap that is all but used and refuses a call is at its end, although no call will fit what is left.
        if (account.AlertsRaised == Account.AlertPercents.Length - 1)
        {
            Tell(account);
        }

        var isStarved = account.IsBorrowed && !softly;
        account.Lacked = isStarved ? Amount.Max(account.Lacked, amount) : account.Lacked;
        return new BudgetRefusal(account.Key, softly ? account.SoftCap : account.Cap, account.Used, account.Reserved, amount)
        {
            IsStarved = isStarved,
            IsSoft = softly,
            Route = account.SoftRoute,
            RenewsAt = _state.Calendar.EndOf(account.Key.Period, account.Key.Index),
        };
    }

    private async ValueTask<BudgetRefusal> LeaseAndReserveAsync(Reservation reservation, Amount amount)
    {
        await _state.Writing.WaitAsync().ConfigureAwait(false);
        try
        {
            List<(AccountKey Key, Amount Leased)> wanted = [];
            for (var round = 0; round < LeaseRounds; round++)
            {
                lock (_state.Gate)
                {
                    if (TryReserve(reservation, amount, out var refusal) != ReserveVerdict.NeedsLease)
                    {
                        return refusal;
                    }

                    CollectWanted(reservation, amount, wanted);
                }

                BudgetMetrics.Leased();
                await _state.Leases.WriteAsync(wanted).ConfigureAwait(false);
                Grant(wanted);
            }

            throw new InvalidOperationException($"A budget lease was taken away {LeaseRounds} times in a row; the appliance has more calls than it can account for.");
        }
        finally
        {
            _state.Writing.Release();
        }
    }

    private void CollectWanted(Reservation reservation, Amount amount, List<(AccountKey Key, Amount Leased)> wanted)
    {
        wanted.Clear();
        foreach (var account in reservation.Accounts)
        {
            if (!(account.Used + account.Reserved + amount).FitsIn(account.Leased))
            {
                wanted.Add((account.Key, Ledger.LeaseFor(account, amount, _state.Options.LeaseShare)));
            }
        }
    }

    private void Grant(List<(AccountKey Key, Amount Leased)> granted)
    {
        lock (_state.Gate)
        {
            foreach (var (key, leased) in granted)
            {
                if (_state.Ledger.TryGet(key, out var account))
                {
                    account.Leased = Amount.Max(account.Leased, leased);
                    account.LeasedAtMs = _state.Time.NowMs();
                    var block = Ledger.BlockOf(account, _state.Options.LeaseShare);
                    account.SpareMax = new Amount(SpareBlocks * block.MicroUsd, SpareBlocks * block.Tokens);
                }
            }
        }
    }

    /// <summary>After a settlement that something follows from.</summary>
    /// <returns>True when an account uses more than it leased.</returns>
    private bool Follow(ReadOnlySpan<Account> accounts)
    {
        var overdrawn = false;
        foreach (var account in accounts)
        {
            overdrawn |= !(account.Used + account.Reserved).FitsIn(account.Leased);
            TellOf(account);
            Trim(account);
        }

        return overdrawn;
    }

    /// <summary>
    /// A burst of calls has left a lease that a crash would strand: given up when nothing was leased for a while, in memory first and then on disk, so that a crash between
    /// counts too much. Only while nobody writes leases, so that no larger one is overtaken. Under the lock.
    /// </summary>
    private void Trim(Account account)
    {
        if (!account.IsSpacious || _state.Time.NowMs() - account.LeasedAtMs < TrimAfterMs || !_state.Writing.Wait(0))
        {
            return;
        }

        try
        {
            Ledger.Shrink(account, _state.Options.LeaseShare);
            account.SpareMax = Amount.None;
            _state.Leases.Lower(account.Key, account.Leased);
        }
        finally
        {
            _state.Writing.Release();
        }
    }

    /// <summary>Alerts that are due; under the lock.</summary>
    internal void TellOf(Account account)
    {
        while (account.IsAlertDue && Tell(account))
        {
        }
    }

    /// <returns>False when nobody listens or too many alerts wait: then it is due again with the next call.</returns>
    private bool Tell(Account account)
    {
        var percent = Account.AlertPercents[account.AlertsRaised];
        if (Alerts?.Raise(new BudgetAlert(account.Key, percent, account.AlertCap, account.Used, _state.Time.GetUtcNow())) != true)
        {
            return false;
        }

        account.TakeAlert();
        return true;
    }

    /// <summary>More was used than leased: the lease follows, durably, with a block more so that the next call does not wait as well.</summary>
    private async ValueTask CatchUpAsync(Account[] accounts)
    {
        await _state.Writing.WaitAsync().ConfigureAwait(false);
        try
        {
            List<(AccountKey Key, Amount Leased)> wanted = [];
            lock (_state.Gate)
            {
                foreach (var account in accounts)
                {
                    if (!(account.Used + account.Reserved).FitsIn(account.Leased))
                    {
                        wanted.Add((account.Key, Ledger.LeaseFor(account, default, _state.Options.LeaseShare)));
                    }
                }
            }

            await _state.Leases.WriteAsync(wanted).ConfigureAwait(false);
            Grant(wanted);
        }
        finally
        {
            _state.Writing.Release();
        }
    }

    private void RestoreLocked(JsonElement root)
    {
        if (root.TryGetProperty("leases"u8, out var leases))
        {
            LeaseStore.Apply(leases, _state.Ledger);
            Sweep();
        }
        else if (root.TryGetProperty("lent"u8, out var lent))
        {
            _state.Peers.Restore(lent, lent: true);
        }
        else if (root.TryGetProperty("generation"u8, out var generation))
        {
            _state.Generation = generation.GetString() ?? "";
        }
        else if (root.TryGetProperty("borrowed"u8, out var borrowed))
        {
            _state.Peers.Restore(borrowed, lent: false);
        }
        else
        {
            RestoreAlert(root);
        }
    }

    private void RestoreAlert(JsonElement root)
    {
        Alerts?.Restore(root);
        if (root.TryGetProperty("alert"u8, out var item) && BudgetAlert.Read(item) is { IsOverrun: false } alert && _state.Ledger.TryGet(alert.Key, out var account))
        {
            account.MarkAlerts(Account.AlertPercents.IndexOf((byte)alert.Percent) + 1);
        }
    }

    private void OpenLocked(Reservation reservation, in BudgetScopes scopes, DateTimeOffset now)
    {
        Sweep();
        var caps = _state.Caps;
        foreach (var cap in caps.Find(BudgetScope.Call, "*"))
        {
            reservation.CallCap = Amount.Min(reservation.CallCap, cap.Hard);
            reservation.CallSoftCap = Amount.Min(reservation.CallSoftCap, cap.Soft);
            reservation.CallSoftRoute = cap.Route;
            NoteCap(reservation, cap.Hard);
        }

        OpenRun(reservation, scopes, caps);
        OpenScope(reservation, BudgetScope.Key, scopes.Key, caps, now);
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

        var own = Cap.None with { Hard = CapTable.AmountOf(scopes.RunCap.MicroUsd, scopes.RunCap.Tokens) };
        foreach (var cap in caps.Find(BudgetScope.Run, "*"))
        {
            own = own.With(cap);
        }

        if (own != Cap.None)
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
            Add(reservation, new AccountKey(scope, name, cap.Period, _state.Calendar.IndexOf(cap.Period, now)), cap);
        }
    }

    private void Add(Reservation reservation, AccountKey key, in Cap cap)
    {
        var account = _state.Ledger.Open(key, cap);
        reservation.Accounts.Add(account);
        NoteCap(reservation, account.Cap);
    }

    private static void NoteCap(Reservation reservation, Amount cap)
    {
        reservation.HasCaps |= cap != Amount.None;
        reservation.CapsMoney |= cap.MicroUsd < Amount.Unlimited;
    }

    private void Sweep()
    {
        if (_state.Ledger.Count >= _sweepAt)
        {
            _state.Ledger.ForgetOldPeriods();
            _sweepAt = Math.Max(_state.Options.AccountsMax, 2 * _state.Ledger.Count);
        }
    }
}
