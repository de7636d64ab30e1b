using Jesus.Appliance.Budgets;
using Jesus.Appliance.Config.Shapes;

namespace Jesus.Appliance.Config.Sections;

internal static class BudgetsSection
{
    public static RecordShape<BudgetsOptions> Shape { get; } = new(
        new Property<BudgetsOptions, IReadOnlyList<CapOptions>>("caps", "Hard caps; every one that applies is checked on every call.",
            new ListShape<CapOptions>(Cap(), () => new CapOptions()), o => o.Caps, (o, v) => o with { Caps = v }),
        new Property<BudgetsOptions, decimal>("leaseShare", "A cap is made durable ahead in blocks of this share of it.",
            new MoneyShape(0.001m, 1), o => o.LeaseShare, (o, v) => o with { LeaseShare = v }),
        new Property<BudgetsOptions, long>("accountsMax", "Accounts in memory, about 200 B each.",
            new IntegerShape(1, 100_000_000), o => o.AccountsMax, (o, v) => o with { AccountsMax = (int)v }));

    private static RecordShape<CapOptions> Cap() => new(
        new Property<CapOptions, BudgetScope>("scope", "Whose spending it bounds.",
            new Names<BudgetScope>(("call", BudgetScope.Call), ("run", BudgetScope.Run), ("user", BudgetScope.User), ("team", BudgetScope.Team),
                ("organisation", BudgetScope.Organisation)), o => o.Scope, (o, v) => o with { Scope = v }),
        new Property<CapOptions, string>("name", "The user, team or organisation; * stands for each without a cap of its own.",
            new TextShape(), o => o.Name, (o, v) => o with { Name = v }),
        new Property<CapOptions, BudgetPeriod>("period", "Days and months are UTC's.",
            new Names<BudgetPeriod>(("ever", BudgetPeriod.Ever), ("day", BudgetPeriod.Day), ("month", BudgetPeriod.Month)), o => o.Period, (o, v) => o with { Period = v }),
        new Property<CapOptions, decimal>("usd", "US dollars; 0 sets no cap of money.", new MoneyShape(), o => o.Usd, (o, v) => o with { Usd = v }),
        new Property<CapOptions, long>("tokens", "Tokens of prompt and answer together; 0 sets no cap of tokens.",
            new IntegerShape(0, long.MaxValue), o => o.Tokens, (o, v) => o with { Tokens = v }));
}
