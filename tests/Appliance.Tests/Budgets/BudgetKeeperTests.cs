using Jesus.Appliance.Budgets;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Tests.Clocks;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Budgets;

public sealed class BudgetKeeperTests
{
    private static readonly BudgetsOptions Options = new()
    {
        Caps =
        [
            new CapOptions { Scope = BudgetScope.User, Period = BudgetPeriod.Day, Usd = 0.5m },
            new CapOptions { Scope = BudgetScope.Team, Name = "red", Period = BudgetPeriod.Month, Usd = 1m, Tokens = 400_000 },
            new CapOptions { Scope = BudgetScope.Organisation, Period = BudgetPeriod.Ever, Usd = 1.5m },
        ],
    };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_thousand_calls_at_once_never_pass_any_cap(int seed)
    {
        var journal = new MemoryJournal();
        using var keeper = Keeper(journal);
        var granted = 0;
        var calls = Enumerable.Range(0, 1_000).Select(async i =>
        {
            await Task.Yield();
            var dice = new TestDice((seed * 100_000) + i);
            var reservation = new Reservation();
            keeper.Open(reservation, Scopes(dice));
            var asked = new Amount(dice.Next(20_000), dice.Next(4_000));
            if ((await keeper.ReserveAsync(reservation, asked)).IsNone)
            {
                Interlocked.Increment(ref granted);
                AssertWithinCaps(keeper, seed);
                await Task.Yield();
                var more = new Amount(dice.Next(5_000), dice.Next(500));
                var grown = dice.Next(3) == 0 && (await keeper.ReserveAsync(reservation, more)).IsNone ? asked + more : asked;
                await keeper.SettleAsync(reservation, new Amount(dice.Next((int)grown.MicroUsd + 1), dice.Next((int)grown.Tokens + 1)));
            }
        });
        await Task.WhenAll(calls);

        AssertWithinCaps(keeper, seed);
        Assert.All(keeper.Admin.View(), account => Assert.Equal(default, account.Reserved));
        Assert.InRange(granted, 50, 999);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(14)]
    public async Task A_crash_may_count_too_much_but_never_too_little(int seed)
    {
        var dice = new TestDice(seed);
        var journal = new MemoryJournal();
        var spent = new Dictionary<AccountKey, long>();
        for (var life = 0; life < 10; life++)
        {
            using var keeper = Keeper(journal);
            RestoreAll(keeper, journal);
            foreach (var account in keeper.Admin.View())
            {
                Assert.True(account.Used.MicroUsd >= spent.GetValueOrDefault(account.Key), $"seed {seed}, life {life}: {account.Key.Display}");
            }

            for (var i = 0; i < dice.Next(30); i++)
            {
                await SpendAsync(keeper, dice, spent);
            }

            journal.Crash();
        }

        Assert.NotEmpty(spent);
    }

    [Fact]
    public async Task What_a_burst_leased_is_given_up_after_a_minute_and_a_crash_strands_a_block()
    {
        var (journal, time) = (new MemoryJournal(), new ManualTime());
        var options = new BudgetsOptions { Caps = [new CapOptions { Scope = BudgetScope.User, Usd = 64m }] };
        using (var keeper = BudgetRig.Keeper(options, journal, time))
        {
            // Held: 40 of 64 dollars, of which little is used; a block is one dollar.
            Assert.True((await BudgetRig.SpendAsync(keeper, 40_000_000, used: 1_000)).IsNone);
            Assert.True((await BudgetRig.SpendAsync(keeper, 10_000, used: 1_000)).IsNone);
            Assert.True(Stranded(options, journal, time).MicroUsd > 39_000_000, "a lease is kept for the next burst");
            time.Advance(TimeSpan.FromSeconds(61));
            Assert.True((await BudgetRig.SpendAsync(keeper, 10_000, used: 1_000)).IsNone);
            await journal.AppendAsync(JournalKind.BudgetLease, """{"generation":"whatever makes the one before durable"}"""u8.ToArray());
            Assert.Equal(1_003_000, Stranded(options, journal, time).MicroUsd);

            // What was given up can be leased again.
            Assert.True((await BudgetRig.SpendAsync(keeper, 60_000_000, used: 2_000)).IsNone);
            Assert.Equal(5_000, BudgetRig.Account(keeper, BudgetScope.User).Used.MicroUsd);
            Assert.True(Stranded(options, journal, time).MicroUsd >= 60_000_000);
        }

        static Amount Stranded(BudgetsOptions options, MemoryJournal journal, TimeProvider time)
        {
            using var after = BudgetRig.Keeper(options, journal, time);
            var account = BudgetRig.Account(after, BudgetScope.User);
            Assert.Equal(64_000_000, account.Cap.MicroUsd);
            return account.Used;
        }
    }

    [Fact]
    public async Task A_clean_stop_counts_exactly()
    {
        var journal = new MemoryJournal();
        using (var keeper = Keeper(journal))
        {
            var reservation = new Reservation();
            keeper.Open(reservation, new BudgetScopes("ann", "red", "org", "", default));
            Assert.True((await keeper.ReserveAsync(reservation, new Amount(10_000, 50))).IsNone);
            await keeper.SettleAsync(reservation, new Amount(1_234, 5));
            await keeper.StopAsync();
        }

        using var next = Keeper(journal);
        RestoreAll(next, journal);
        Assert.All(next.Admin.View(), account => Assert.Equal(new Amount(1_234, 5), account.Used));
        Assert.Equal(3, next.Admin.View().Count);
    }

    [Fact]
    public async Task A_run_brings_its_own_cap_and_is_forgotten_when_it_ends()
    {
        var journal = new MemoryJournal();
        using var keeper = Keeper(journal);
        var reservation = new Reservation();
        var scopes = new BudgetScopes("ann", "", "org", "run-1", new Amount(1_000, 0));
        keeper.Open(reservation, scopes);
        Assert.True((await keeper.ReserveAsync(reservation, new Amount(900, 10))).IsNone);
        var refusal = await keeper.ReserveAsync(reservation, new Amount(200, 10));
        Assert.Equal(BudgetScope.Run, refusal.Key.Scope);
        Assert.Contains("run:run-1", refusal.Message, StringComparison.Ordinal);
        await keeper.SettleAsync(reservation, new Amount(900, 10));
        keeper.ForgetRun("run-1");

        using var next = Keeper(journal);
        foreach (var record in journal.Records)
        {
            next.Restore(record);
        }

        Assert.DoesNotContain(next.Admin.View(), account => account.Key.Scope == BudgetScope.Run);
    }

    private static async Task SpendAsync(BudgetKeeper keeper, TestDice dice, Dictionary<AccountKey, long> spent)
    {
        var reservation = new Reservation();
        keeper.Open(reservation, Scopes(dice));
        var asked = new Amount(dice.Next(9_000) + 1, dice.Next(90));
        if (!(await keeper.ReserveAsync(reservation, asked)).IsNone)
        {
            return;
        }

        // A call that a crash interrupts may have cost all that it held.
        var used = dice.Next(4) == 0 ? asked.MicroUsd : dice.Next((int)asked.MicroUsd + 1);
        foreach (var account in reservation.Accounts)
        {
            spent[account.Key] = spent.GetValueOrDefault(account.Key) + used;
        }

        if (dice.Next(4) != 0)
        {
            await keeper.SettleAsync(reservation, new Amount(used, 0));
        }
    }

    private static void RestoreAll(BudgetKeeper keeper, MemoryJournal journal)
    {
        foreach (var record in journal.ReadAfter(JournalPosition.Start))
        {
            keeper.Restore(record);
        }
    }

    private static void AssertWithinCaps(BudgetKeeper keeper, int seed)
    {
        foreach (var account in keeper.Admin.View())
        {
            Assert.True((account.Used + account.Reserved).FitsIn(account.Cap), $"seed {seed}: {account.Key.Display} is over its cap");
        }
    }

    private static BudgetScopes Scopes(TestDice dice) =>
        new($"user{dice.Next(3)}", dice.Next(2) == 0 ? "red" : "blue", "org", "", default);

    private static BudgetKeeper Keeper(MemoryJournal journal)
    {
        var errors = new List<string>();
        var keeper = new BudgetKeeper(Options, CapTable.Build(Options, errors), journal, TimeProvider.System);
        Assert.Empty(errors);
        return keeper;
    }
}
