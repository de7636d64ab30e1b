using System.Runtime.InteropServices;

namespace Jesus.Appliance.Budgets;

/// <summary>Whether an amount could be held.</summary>
public enum ReserveVerdict : byte
{
    Granted,

    /// <summary>A cap would be passed.</summary>
    Refused,

    /// <summary>A soft cap would be passed, and no hard one.</summary>
    SoftlyRefused,

    /// <summary>Within every cap, but some account must first lease more of it.</summary>
    NeedsLease,
}

/// <summary>
/// Every account, and the arithmetic of reserve, settle and release over all levels at once. Pure: no clock, no I/O; not thread-safe
/// (<see cref="BudgetKeeper"/> is its one user).
/// </summary>
public sealed class Ledger
{
    /// <summary>
    /// Periods that are remembered of each cap, by when they were last used. A clock that jumps to another day and back finds that day as it left it; nothing
    /// but use decides, so no jump can make a cap be spent twice.
    /// </summary>
    public const int PeriodsKept = 4;

    private readonly Dictionary<AccountKey, Account> _accounts = [];
    private long _uses;

    public int Count => _accounts.Count;
    public Dictionary<AccountKey, Account>.ValueCollection Accounts => _accounts.Values;

    /// <summary>The account of a key, made when it is new. A changed cap takes effect at once.</summary>
    public Account Open(AccountKey key, in Cap cap)
    {
        ref var account = ref CollectionsMarshal.GetValueRefOrAddDefault(_accounts, key, out _);
        account ??= new Account(key);
        account.Touched = ++_uses;
        if (account.SetFrom != cap)
        {
            account.SetCap(cap);
        }

        return account;
    }

    public bool TryGet(AccountKey key, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Account? account) =>
        _accounts.TryGetValue(key, out account);

    /// <summary>Holds the amount in every account, or in none.</summary>
    /// <param name="passesSoft">Soft caps no longer count: the call has already gone where it is cheapest.</param>
    /// <param name="blocking">The account that refuses; null unless refused.</param>
    public static ReserveVerdict TryReserve(ReadOnlySpan<Account> accounts, Amount amount, bool passesSoft, out Account? blocking)
    {
        var verdict = ReserveVerdict.Granted;
        blocking = null;
        foreach (var account in accounts)
        {
            var taken = account.Used + account.Reserved + amount;
            if (!taken.FitsIn(account.Cap))
            {
                blocking = account;
                return ReserveVerdict.Refused;
            }

            if (!passesSoft && !taken.FitsIn(account.SoftCap))
            {
                blocking = account;
                verdict = ReserveVerdict.SoftlyRefused;
            }
            else if (verdict == ReserveVerdict.Granted && !taken.FitsIn(account.Leased))
            {
                verdict = ReserveVerdict.NeedsLease;
            }
        }

        if (verdict == ReserveVerdict.Granted)
        {
            foreach (var account in accounts)
            {
                account.Reserved += amount;
            }
        }

        return verdict;
    }

    /// <summary>Turns what was held into what was used; the rest is free again.</summary>
    /// <returns>True when something must follow: more is used than leased, much more is leased than used, or an alert is due.</returns>
    public static bool Settle(ReadOnlySpan<Account> accounts, Amount held, Amount used)
    {
        var follows = false;
        foreach (var account in accounts)
        {
            account.Reserved -= held;
            account.Used += used;
            follows |= account.IsAlertDue || account.IsSpacious || !(account.Used + account.Reserved).FitsIn(account.Leased);
        }

        return follows;
    }

    /// <summary>
    /// What an account should have leased for an amount to be held: the need and a block of the cap more, never above the cap (but for the need itself, which
    /// an overrun may have taken past it).
    /// </summary>
    public static Amount LeaseFor(Account account, Amount amount, decimal share) => Amount.Max(account.Leased, FreshLease(account, amount, share));

    /// <summary>The same, as if nothing were leased yet.</summary>
    public static Amount FreshLease(Account account, Amount amount, decimal share)
    {
        var need = account.Used + account.Reserved + amount;
        return Amount.Max(need, Amount.Min(account.Cap, need + BlockOf(account, share)));
    }

    /// <summary>What lies leased beyond the need and a block is given up in memory; on disk comes after, so that a crash between counts too much.</summary>
    public static void Shrink(Account account, decimal share) => account.Leased = Amount.Min(account.Leased, FreshLease(account, default, share));

    public static Amount BlockOf(Account account, decimal share)
    {
        var sized = account.AlertCap;
        return new Amount(Block(sized.MicroUsd, share), Block(sized.Tokens, share));
    }

    /// <summary>After a restart everything leased counts as used.</summary>
    public void Restore(AccountKey key, Amount leased)
    {
        var account = Open(key, Cap.None);
        account.Leased = leased;
        account.Used = leased;
    }

    /// <summary>Forgets an account; the caller answers for nothing being held.</summary>
    public void Remove(AccountKey key) => _accounts.Remove(key);

    /// <summary>Forgets all but the last <see cref="PeriodsKept"/> used periods of each cap, where nothing is held or lent.</summary>
    public void ForgetOldPeriods()
    {
        var byOwner = new Dictionary<(BudgetScope, string, BudgetPeriod), List<Account>>();
        foreach (var account in _accounts.Values)
        {
            if (account.Key.Period != BudgetPeriod.Ever)
            {
                var owner = (account.Key.Scope, account.Key.Name, account.Key.Period);
                byOwner.TryAdd(owner, []);
                byOwner[owner].Add(account);
            }
        }

        foreach (var accounts in byOwner.Values)
        {
            accounts.Sort(static (a, b) => b.Touched.CompareTo(a.Touched));
            foreach (var old in accounts.Skip(PeriodsKept).Where(a => a.Reserved == default && a.Lent == default))
            {
                _accounts.Remove(old.Key);
            }
        }
    }

    private static long Block(long cap, decimal share) => cap >= Amount.Unlimited ? BlockUncapped : (long)Math.Ceiling(cap * share);

    /// <summary>What is not capped is leased in blocks of ten dollars or ten million tokens: a sync in many calls, and little too much shown after a crash.</summary>
    private const long BlockUncapped = 10_000_000;
}
