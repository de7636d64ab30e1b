namespace Jesus.Appliance.Budgets;

/// <summary>Whose spending a cap bounds.</summary>
public enum BudgetScope : byte
{
    Call,
    Run,
    User,
    Team,
    Organisation,

    /// <summary>One API key, or a process of this box by its user: the principal's id, such as <c>key:3f9a</c> or <c>local:alice</c>.</summary>
    Key,
}

/// <summary>Over which time a cap counts. Days and months are those of <see cref="BudgetsOptions.TimeZone"/>.</summary>
public enum BudgetPeriod : byte
{
    Ever,
    Day,
    Month,
}

/// <summary>Where calls go once a soft cap is reached.</summary>
public sealed record CapReachedOptions
{
    /// <summary>The route that answers instead.</summary>
    public string Route { get; init; } = "";
}

/// <summary>
/// One cap. A call that could pass a hard one is refused before it is made; one that could pass a soft one goes where it is cheaper. Of several caps that
/// apply the smallest wins.
/// </summary>
public sealed record CapOptions
{
    public BudgetScope Scope { get; init; }

    /// <summary>The key, user, team or organisation; <c>*</c> stands for each that has no cap of its own over that period.</summary>
    public string Name { get; init; } = "*";

    /// <summary><see cref="BudgetPeriod.Ever"/> for calls and runs: they end by themselves.</summary>
    public BudgetPeriod Period { get; init; }

    /// <summary>US dollars; 0 sets no cap of money. At most 1,000,000,000.</summary>
    public decimal Usd { get; init; }

    /// <summary>Tokens of prompt and answer together; 0 sets no cap of tokens.</summary>
    public long Tokens { get; init; }

    /// <summary>Never refuses: past it a call takes the cheaper candidates of its route, the cheapest at last. Implied by <see cref="OnReached"/>.</summary>
    public bool Soft { get; init; }
    public CapReachedOptions OnReached { get; init; } = new();

    /// <summary>
    /// The box whose cap it is, by its id in the federation: all boxes together stay within it, the others spending what that box lends them. Empty: each box counts
    /// by itself. A hard cap only.
    /// </summary>
    public string Owner { get; init; } = "";

    public bool IsSoft => Soft || OnReached.Route.Length > 0;
}

/// <summary>Where alerts go beside the log.</summary>
public sealed record AlertWebhookOptions
{
    /// <summary>http or https; empty sends none. Redirects are not followed.</summary>
    public string Url { get; init; } = "";

    /// <summary>Reference to the key that signs each alert, env:NAME or file:/path; empty signs none.</summary>
    public string Secret { get; init; } = "";
}

/// <summary>Config section <c>budgets</c>.</summary>
public sealed record BudgetsOptions
{
    /// <summary>At most 10,000: they are indexed by whom they bound, and a call looks up its own.</summary>
    public IReadOnlyList<CapOptions> Caps { get; init; } = [];

    /// <summary>Whose midnights begin days and months: an IANA name such as <c>Europe/Berlin</c>; UTC by default. A change takes effect at the next start.</summary>
    public string TimeZone { get; init; } = "UTC";

    /// <summary>
    /// A cap is made durable ahead in blocks of this share of it; 1/64 by default, 1/1,000 to 1. A crash counts at most one block as spent that was not;
    /// smaller blocks cost more disk writes.
    /// </summary>
    public decimal LeaseShare { get; init; } = 1m / 64;

    /// <summary>
    /// Accounts in memory, about 300 B each, from which on all but the last four used periods of each cap are swept out; 200,000 by default. The account of a
    /// capped run stays until <see cref="BudgetKeeper.ForgetRun"/>: dropping it earlier could let a run spend its cap twice.
    /// </summary>
    public int AccountsMax { get; init; } = 200_000;

    public AlertWebhookOptions Webhook { get; init; } = new();
}
