namespace Jesus.Appliance.Budgets;

/// <summary>Which day or month a moment lies in; pure.</summary>
internal static class Periods
{
    private const long TicksPerDay = TimeSpan.TicksPerDay;

    public static int IndexOf(BudgetPeriod period, DateTimeOffset now) => period switch
    {
        BudgetPeriod.Day => (int)(now.UtcTicks / TicksPerDay),
        BudgetPeriod.Month => MonthOf(now),
        _ => 0,
    };

    /// <summary>When the period after this one begins; null when there is none.</summary>
    public static DateTimeOffset? EndOf(BudgetPeriod period, int index) => period switch
    {
        BudgetPeriod.Day => new DateTimeOffset((index + 1) * TicksPerDay, TimeSpan.Zero),
        BudgetPeriod.Month => new DateTimeOffset((index + 1) / 12, ((index + 1) % 12) + 1, 1, 0, 0, 0, TimeSpan.Zero),
        _ => null,
    };

    private static int MonthOf(DateTimeOffset now)
    {
        var utc = now.ToUniversalTime();
        return (utc.Year * 12) + utc.Month - 1;
    }
}
