using Jesus.Appliance.Budgets;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Budgets;

public sealed class ClockJumpTests
{
    private static readonly BudgetsOptions Options = new()
    {
        Caps = [new CapOptions { Scope = BudgetScope.User, Period = BudgetPeriod.Day, Usd = 1 }],
        AccountsMax = 1,
    };

    [Theory]
    [InlineData(9 * 365)]
    [InlineData(-9 * 365)]
    [InlineData(1)]
    public async Task A_day_that_a_clock_left_and_came_back_to_is_as_it_was(int days)
    {
        var time = new FixedTime();
        var journal = new MemoryJournal();
        using var keeper = BudgetRig.Keeper(Options, journal, time);
        Assert.True((await BudgetRig.SpendAsync(keeper, 900_000)).IsNone);
        time.Move(TimeSpan.FromDays(days));
        Assert.True((await BudgetRig.SpendAsync(keeper, 900_000)).IsNone);
        Assert.False((await BudgetRig.SpendAsync(keeper, 200_000)).IsNone);
        time.Move(TimeSpan.FromDays(-days));
        Assert.False((await BudgetRig.SpendAsync(keeper, 200_000)).IsNone);
    }

    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    [InlineData(23)]
    public async Task No_day_is_spent_twice_however_the_clock_jumps_and_the_process_dies(int seed)
    {
        var dice = new TestDice(seed);
        var time = new FixedTime();
        var journal = new MemoryJournal();
        var spent = new Dictionary<(string User, int Day), long>();
        for (var life = 0; life < 12; life++)
        {
            using var keeper = BudgetRig.Keeper(Options, journal, time);
            for (var i = 0; i < 40; i++)
            {
                if (dice.Next(5) == 0)
                {
                    // Between yesterday, today, tomorrow and a day in ten years: what a broken clock and its correction look like.
                    var target = new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero).AddDays(new[] { -1, 0, 1, 3_650 }[dice.Next(4)]);
                    time.Move(target - time.GetUtcNow());
                }

                var user = $"u{dice.Next(3)}";
                var cost = dice.Next(90_000) + 1L;
                if ((await BudgetRig.SpendAsync(keeper, cost, user)).IsNone)
                {
                    var day = (user, (int)(time.GetUtcNow().UtcTicks / TimeSpan.TicksPerDay));
                    spent[day] = spent.GetValueOrDefault(day) + cost;
                }
            }

            journal.Crash();
        }

        Assert.All(spent, day => Assert.True(day.Value <= 1_000_000, $"seed {seed}: {day.Key} spent {day.Value}"));
        Assert.Contains(spent, day => day.Value > 500_000);
    }

    [Fact]
    public async Task A_call_that_crosses_midnight_is_charged_to_the_day_on_which_it_began()
    {
        var time = new FixedTime();
        using var keeper = BudgetRig.Keeper(Options, new MemoryJournal(), time);
        var reservation = new Reservation();
        keeper.Open(reservation, new BudgetScopes("ann", "", "", "", default));
        Assert.True((await keeper.ReserveAsync(reservation, new Amount(600_000, 0))).IsNone);
        time.Move(TimeSpan.FromDays(1));
        await keeper.SettleAsync(reservation, new Amount(600_000, 0));
        Assert.True((await BudgetRig.SpendAsync(keeper, 900_000)).IsNone);
    }
}
