using System.Runtime.InteropServices;

namespace Jesus.Appliance.Budgets;

/// <summary>Whether an amount could be held.</summary>
public enum ReserveVerdict : byte
{
    Granted,

    /// <summary>A cap would be passed.</summary>
    Refused,

    /// <summary>Within every cap, but some account must first lease more of it.</summary>
    NeedsLease,
}

/// <summary>
/// Every account, and the arithmetic of reserve, settle and release over all levels at once. Pure: no clock, no I/O; not thread-safe
/// (<see cref="BudgetKeeper"/> is its one user).
/// </summary>
public sealed class Ledger
{
    private readonly Dictionary<AccountKey, Account> _accounts = [];

    public int Count => _accounts.Count;
    public IEnumerable<Account> Accounts => _accounts.Values;

    /// <summary>The account of a key, made when it is new. A changed cap takes effect at once.</summary>
    public Account Open(AccountKey key, Amount cap)
    {
        ref var account = ref CollectionsMarshal.GetValueRefOrAddDefault(_accounts, key, out _);
        account ??= new Account(key, cap);
        account.Cap = cap;
        return account;
    }

    public bool TryGet(AccountKey key, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Account? account) =>
        _accounts.TryGetValue(key, out account);

    /// <summary>Holds the amount in every account, or in none.</summary>
    /// <param name="blocking">The account that refuses; null unless refused.</param>
    public ReserveVerdict TryReserve(ReadOnlySpan<Account> accounts, Amount amount, out Account? blocking)
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

            if (!taken.FitsIn(account.Leased))
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
    public void Settle(ReadOnlySpan<Account> accounts, Amount held, Amount used)
    {
        foreach (var account in accounts)
        {
            account.Reserved -= held;
            account.Used += used;
        }
    }

    /// <summary>What an account should have leased for an amount to be held: the need and a block of the cap more, never above the cap.</summary>
    public static Amount LeaseFor(Account account, Amount amount, decimal share)
    {
        var need = account.Used + account.Reserved + amount;
        var wanted = need + new Amount(Block(account.Cap.MicroUsd, share), Block(account.Cap.Tokens, share));
        return Amount.Max(account.Leased, Amount.Min(account.Cap, wanted));
    }

    /// <summary>After a restart everything leased counts as used.</summary>
    public void Restore(AccountKey key, Amount leased)
    {
        var account = Open(key, new Amount(Amount.Unlimited, Amount.Unlimited));
        account.Leased = leased;
        account.Used = leased;
    }

    /// <summary>Forgets an account; the caller answers for nothing being held.</summary>
    public void Remove(AccountKey key) => _accounts.Remove(key);

    /// <summary>Forgets days and months that are over and hold nothing.</summary>
    public void ForgetPast(DateTimeOffset now)
    {
        foreach (var (key, account) in _accounts)
        {
            if (key.Period != BudgetPeriod.Ever && key.Index < Periods.IndexOf(key.Period, now) && account.Reserved == default)
            {
                _accounts.Remove(key);
            }
        }
    }

    private static long Block(long cap, decimal share) => cap >= Amount.Unlimited ? Amount.Unlimited : (long)Math.Ceiling(cap * share);
}
