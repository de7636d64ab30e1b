using Jesus.Appliance.Budgets;

namespace Jesus.Appliance.Tests.Budgets;

public sealed class BudgetCalendarTests
{
    [Theory]
    [InlineData("UTC", "2026-03-29T00:00:00Z", 24)]
    [InlineData("Europe/Berlin", "2026-03-28T23:00:00Z", 23)]
    [InlineData("Europe/Berlin", "2026-10-24T22:00:00Z", 25)]
    [InlineData("America/New_York", "2026-03-08T05:00:00Z", 23)]
    [InlineData("Asia/Kolkata", "2026-11-24T18:30:00Z", 24)]
    [InlineData("Asia/Beirut", "2026-03-28T22:00:00Z", 23)]
    [InlineData("Pacific/Apia", "2011-12-29T10:00:00Z", 24)]
    public void A_day_begins_at_the_zone_s_midnight_and_is_as_long_as_its_clocks_make_it(string zone, string begins, int hours)
    {
        var calendar = Find(zone);
        var start = DateTimeOffset.Parse(begins, System.Globalization.CultureInfo.InvariantCulture);
        var index = calendar.IndexOf(BudgetPeriod.Day, start);
        Assert.Equal(index, calendar.IndexOf(BudgetPeriod.Day, start.AddHours(hours).AddTicks(-1)));
        Assert.NotEqual(index, calendar.IndexOf(BudgetPeriod.Day, start.AddTicks(-1)));
        Assert.True(calendar.IndexOf(BudgetPeriod.Day, start.AddHours(hours)) > index);
        Assert.Equal(start.AddHours(hours), calendar.EndOf(BudgetPeriod.Day, index));
    }

    [Fact]
    public void A_month_ends_at_the_zone_s_midnight()
    {
        var berlin = Find("Europe/Berlin");
        var november = berlin.IndexOf(BudgetPeriod.Month, new DateTimeOffset(2026, 11, 30, 22, 59, 59, TimeSpan.Zero));
        var end = berlin.EndOf(BudgetPeriod.Month, november);
        Assert.Equal(new DateTimeOffset(2026, 11, 30, 23, 0, 0, TimeSpan.Zero), end);
        Assert.Equal(november + 1, berlin.IndexOf(BudgetPeriod.Month, end!.Value));
        Assert.Equal("2026-11", BudgetCalendar.NameOf(BudgetPeriod.Month, november));
    }

    [Fact]
    public void Every_hour_of_ten_years_lies_in_the_day_that_its_zone_s_clocks_show_and_days_never_go_back()
    {
        foreach (var zone in new[] { "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Cairo" })
        {
            var calendar = Find(zone);
            var info = TimeZoneInfo.FindSystemTimeZoneById(zone);
            var last = 0;
            for (var at = new DateTimeOffset(2014, 1, 1, 0, 0, 0, TimeSpan.Zero); at.Year < 2024; at = at.AddMinutes(30))
            {
                var index = calendar.IndexOf(BudgetPeriod.Day, at);
                Assert.True(index >= last, $"{zone} at {at:O}");
                var shown = TimeZoneInfo.ConvertTime(at, info).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
                Assert.Equal(shown, BudgetCalendar.NameOf(BudgetPeriod.Day, index));
                last = index;
            }
        }
    }

    [Fact]
    public void An_unknown_zone_is_refused_by_name_with_the_remedy()
    {
        var errors = new List<string>();
        _ = CapTable.Build(new BudgetsOptions { TimeZone = "Mars/Olympus" }, errors);
        Assert.Contains("Mars/Olympus", Assert.Single(errors), StringComparison.Ordinal);
    }

    private static BudgetCalendar Find(string zone)
    {
        Assert.True(BudgetCalendar.TryFind(zone, out var calendar), $"the time zone data of this machine lacks {zone}: install tzdata");
        return calendar;
    }
}
