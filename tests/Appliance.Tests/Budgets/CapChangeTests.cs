using Jesus.Appliance.Budgets;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Budgets;

public sealed class CapChangeTests
{
    private static readonly CapOptions TeamDay = new() { Scope = BudgetScope.Team, Name = "red", Period = BudgetPeriod.Day, Usd = 1 };

    [Fact]
    public async Task A_cap_that_was_set_holds_over_the_configuration_and_over_a_restart_until_it_is_taken_back()
    {
        var options = new BudgetsOptions { Caps = [TeamDay] };
        var journal = new MemoryJournal();
        using (var keeper = BudgetRig.Keeper(options, journal))
        {
            Assert.Null(await keeper.Admin.ChangeCapAsync(TeamDay with { Usd = 0.1m }, set: true, "key:1"));
            Assert.False((await BudgetRig.SpendAsync(keeper, 200_000)).IsNone);
        }

        journal.Crash();
        using var next = BudgetRig.Keeper(options, journal);
        Assert.False((await BudgetRig.SpendAsync(next, 200_000)).IsNone);
        Assert.True(Assert.Single(next.Admin.CapViews()).IsSet);
        Assert.Null(await next.Admin.ChangeCapAsync(TeamDay, set: false, "key:1"));
        Assert.True((await BudgetRig.SpendAsync(next, 200_000)).IsNone);
        Assert.NotNull(await next.Admin.ChangeCapAsync(TeamDay, set: false, "key:1"));
    }

    [Theory]
    [InlineData(BudgetScope.Team, "red", BudgetPeriod.Day, 0, "neither usd nor tokens")]
    [InlineData(BudgetScope.Call, "red", BudgetPeriod.Ever, 1, "no period and no name")]
    [InlineData(BudgetScope.User, "", BudgetPeriod.Ever, 1, "the name has")]
    public async Task A_wrong_line_is_refused_in_words(BudgetScope scope, string name, BudgetPeriod period, int usd, string words)
    {
        using var keeper = BudgetRig.Keeper(new BudgetsOptions(), new MemoryJournal());
        var problem = await keeper.Admin.ChangeCapAsync(new CapOptions { Scope = scope, Name = name, Period = period, Usd = usd }, set: true, "key:1");
        Assert.Contains(words, problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_several_caps_the_smallest_wins_and_a_name_keeps_the_caps_of_all_over_other_periods()
    {
        using var keeper = BudgetRig.Keeper(new BudgetsOptions
        {
            Caps =
            [
                new CapOptions { Scope = BudgetScope.User, Period = BudgetPeriod.Month, Usd = 0.5m },
                new CapOptions { Scope = BudgetScope.User, Name = "ann", Period = BudgetPeriod.Day, Usd = 10 },
                new CapOptions { Scope = BudgetScope.Key, Usd = 0.7m },
            ],
        }, new MemoryJournal());
        var refusal = await BudgetRig.SpendAsync(keeper, 600_000);
        Assert.Equal("user:ann per month", refusal.Key.Display);
        Assert.True((await BudgetRig.SpendAsync(keeper, 400_000)).IsNone);
        Assert.Equal("key:key:1", (await BudgetRig.SpendAsync(keeper, 400_000, "bob")).Key.Display);
    }

    [Fact]
    public async Task Two_lines_about_the_same_are_one_account_with_the_smaller_cap()
    {
        using var keeper = BudgetRig.Keeper(new BudgetsOptions { Caps = [TeamDay, TeamDay with { Usd = 5, Tokens = 10 }] }, new MemoryJournal());
        Assert.True((await BudgetRig.SpendAsync(keeper, 600_000)).IsNone);
        Assert.Equal(new Amount(600_000, 1), BudgetRig.Account(keeper, BudgetScope.Team).Used);
        Assert.False((await BudgetRig.SpendAsync(keeper, 600_000)).IsNone);
    }

    [Theory]
    [InlineData(41)]
    [InlineData(42)]
    public async Task A_thousand_calls_never_reserve_past_caps_that_are_changed_meanwhile(int seed)
    {
        var journal = new MemoryJournal();
        using var keeper = BudgetRig.Keeper(new BudgetsOptions { Caps = [TeamDay, new CapOptions { Scope = BudgetScope.Organisation, Usd = 2 }] }, journal);
        var smallest = 1_000_000L;
        using var oneByOne = new SemaphoreSlim(1);
        var calls = Enumerable.Range(0, 1_000).Select(async i =>
        {
            await Task.Yield();
            var dice = new TestDice((seed * 10_000) + i);
            if (i % 100 == 50)
            {
                // Only ever lower, one change after another: then what was granted before may exceed the new cap, but nothing is granted past it.
                await oneByOne.WaitAsync();
                smallest -= 50_000;
                Assert.Null(await keeper.Admin.ChangeCapAsync(TeamDay with { Usd = smallest / 1_000_000m }, set: true, "key:1"));
                _ = oneByOne.Release();
                return;
            }

            var reservation = new Reservation();
            keeper.Open(reservation, new BudgetScopes($"u{i % 7}", "red", "org", "", default));
            var asked = new Amount(dice.Next(4_000) + 1, 1);
            if ((await keeper.ReserveAsync(reservation, asked)).IsNone)
            {
                await Task.Yield();
                await keeper.SettleAsync(reservation, new Amount(dice.Next((int)asked.MicroUsd + 1), 1));
            }
        });
        await Task.WhenAll(calls);
        Assert.All(keeper.Admin.View(), a => Assert.Equal(default, a.Reserved));
        Assert.True(BudgetRig.Account(keeper, BudgetScope.Team).Used.MicroUsd <= 1_000_000, $"seed {seed}");
        Assert.Equal(500_000, BudgetRig.Account(keeper, BudgetScope.Team).Cap.MicroUsd);
    }
}
