namespace Jesus.Appliance.Budgets;

/// <summary>
/// Which day or month a moment lies in, in one time zone. Pure but for a memory of the last day asked for. Thread-safe.
/// </summary>
/// <remarks>A day begins where the zone's clocks first show its date, so it has 23 or 25 hours where they are put forward or back.</remarks>
public sealed class BudgetCalendar(TimeZoneInfo zone)
{
    private const long TicksPerDay = TimeSpan.TicksPerDay;

    /// <summary>No zone of the database has been further from UTC than 15 hours, and none changes by more than a day.</summary>
    private const long SearchTicks = 50 * TimeSpan.TicksPerHour;

    private volatile Day _last = new(0, 0, -1, 0);

    public string Zone => zone.Id;

    /// <summary>Looks a zone up by its IANA name.</summary>
    public static bool TryFind(string name, out BudgetCalendar calendar)
    {
        var found = TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone);
        calendar = new BudgetCalendar(found ? zone! : TimeZoneInfo.Utc);
        return found;
    }

    /// <summary>Days since 1 January of year 1, months since its January, both local; 0 for <see cref="BudgetPeriod.Ever"/>.</summary>
    public int IndexOf(BudgetPeriod period, DateTimeOffset now)
    {
        if (period == BudgetPeriod.Ever)
        {
            return 0;
        }

        var day = _last;
        if (now.UtcTicks < day.FirstTicks || now.UtcTicks >= day.EndTicks)
        {
            day = Find(now.UtcTicks);
            _last = day;
        }

        return period == BudgetPeriod.Day ? day.Index : day.Month;
    }

    /// <summary>When the period after this one begins; null when there is none.</summary>
    public DateTimeOffset? EndOf(BudgetPeriod period, int index) => period switch
    {
        BudgetPeriod.Day => new DateTimeOffset(StartOfDay(index + 1), TimeSpan.Zero),
        BudgetPeriod.Month => new DateTimeOffset(StartOfDay(FirstDayOf(index + 1)), TimeSpan.Zero),
        _ => null,
    };

    /// <summary>As shown: <c>2026-11-25</c>, <c>2026-11</c>, or nothing.</summary>
    public static string NameOf(BudgetPeriod period, int index) => period switch
    {
        BudgetPeriod.Day => DateOnly.FromDayNumber(index).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture),
        BudgetPeriod.Month => new DateOnly(index / 12, (index % 12) + 1, 1).ToString("yyyy-MM", System.Globalization.CultureInfo.InvariantCulture),
        _ => "",
    };

    private Day Find(long utcTicks)
    {
        var index = LocalDay(utcTicks);
        var date = DateOnly.FromDayNumber(index);
        return new Day(StartOfDay(index), StartOfDay(index + 1), index, (date.Year * 12) + date.Month - 1);
    }

    /// <summary>The first moment, in UTC ticks, at which the local date is that day or a later one.</summary>
    private long StartOfDay(int index)
    {
        var low = Math.Max(0, (index * TicksPerDay) - SearchTicks);
        var high = (index * TicksPerDay) + SearchTicks;
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            (low, high) = LocalDay(middle) >= index ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    private int LocalDay(long utcTicks)
    {
        var moment = new DateTimeOffset(utcTicks, TimeSpan.Zero);
        return (int)Math.Clamp((utcTicks + zone.GetUtcOffset(moment).Ticks) / TicksPerDay, 0, DateOnly.MaxValue.DayNumber - 1);
    }

    private static int FirstDayOf(int month) => new DateOnly(month / 12, (month % 12) + 1, 1).DayNumber;

    /// <summary>A local day by its bounds in UTC.</summary>
    private sealed record Day(long FirstTicks, long EndTicks, int Index, int Month);
}
