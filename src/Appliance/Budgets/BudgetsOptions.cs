namespace Jesus.Appliance.Budgets;

/// <summary>Whose spending a cap bounds.</summary>
public enum BudgetScope : byte
{
    Call,
    Run,
    User,
    Team,
    Organisation,
}

/// <summary>Over which time a cap counts. Days and months are UTC's.</summary>
public enum BudgetPeriod : byte
{
    Ever,
    Day,
    Month,
}

/// <summary>One hard cap. A call that could pass it is refused before it is made.</summary>
public sealed record CapOptions
{
    public BudgetScope Scope { get; init; }

    /// <summary>The user, team or organisation; <c>*</c> stands for each that has no cap of its own.</summary>
    public string Name { get; init; } = "*";

    /// <summary><see cref="BudgetPeriod.Ever"/> for calls and runs: they end by themselves.</summary>
    public BudgetPeriod Period { get; init; }

    /// <summary>US dollars; 0 sets no cap of money. At most 1,000,000,000.</summary>
    public decimal Usd { get; init; }

    /// <summary>Tokens of prompt and answer together; 0 sets no cap of tokens.</summary>
    public long Tokens { get; init; }
}

/// <summary>Config section <c>budgets</c>.</summary>
public sealed record BudgetsOptions
{
    /// <summary>At most 10,000: every one that applies is checked on every call.</summary>
    public IReadOnlyList<CapOptions> Caps { get; init; } = [];

    /// <summary>
    /// A cap is made durable ahead in blocks of this share of it; 1/64 by default, 1/1,000 to 1. A crash counts at most one block as spent that was not;
    /// smaller blocks cost more disk writes.
    /// </summary>
    public decimal LeaseShare { get; init; } = 1m / 64;

    /// <summary>
    /// Accounts in memory, about 200 B each, from which on ended days and months are swept out; 200,000 by default. The account of a capped run stays until
    /// <see cref="BudgetKeeper.ForgetRun"/>, or a restart 31 days later: dropping it earlier could let a run spend its cap twice.
    /// </summary>
    public int AccountsMax { get; init; } = 200_000;
}
