namespace Jesus.Appliance.Budgets;

/// <summary>Names one cap in one period: <paramref name="Index"/> counts UTC days or months, 0 for <see cref="BudgetPeriod.Ever"/>.</summary>
public readonly record struct AccountKey(BudgetScope Scope, string Name, BudgetPeriod Period, int Index)
{
    /// <summary>As it is shown: <c>team:red per day</c>.</summary>
    public string Display => Period == BudgetPeriod.Ever
        ? $"{ScopeNames.Of(Scope)}:{Name}"
        : $"{ScopeNames.Of(Scope)}:{Name} per {ScopeNames.Of(Period)}";
}

/// <summary>
/// What is used and held against one cap. Belongs to the <see cref="Ledger"/>. Always <c>Used + Reserved &lt;= Leased &lt;= Cap</c>, but for compute
/// seconds, whose bound nobody knows before the call.
/// </summary>
public sealed class Account(AccountKey key, Amount cap)
{
    public AccountKey Key { get; } = key;
    public Amount Cap { get; internal set; } = cap;

    /// <summary>How much of the cap is durable as taken: after a crash all of it counts as used.</summary>
    public Amount Leased { get; internal set; }
    public Amount Used { get; internal set; }
    public Amount Reserved { get; internal set; }

    /// <summary>Share of the cap that is used or held, of money or tokens, whichever is nearer its end.</summary>
    public double UsedRatio => Math.Max(Ratio(Used.MicroUsd + Reserved.MicroUsd, Cap.MicroUsd), Ratio(Used.Tokens + Reserved.Tokens, Cap.Tokens));

    private static double Ratio(long taken, long cap) => cap >= Amount.Unlimited ? 0 : cap == 0 ? 1 : (double)taken / cap;
}
