using Jesus.Appliance.Budgets;
using Jesus.Appliance.Tests.Budgets;
using Jesus.Tests.Clocks;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Federation.Budgets;

public sealed class SharedBudgetsTests
{
    private const long Cap = 1_000_000;

    private static readonly BudgetsOptions Options = new()
    {
        Caps = [new CapOptions { Scope = BudgetScope.Organisation, Name = "org", Period = BudgetPeriod.Day, Usd = 1, Owner = "a" }],
    };

    [Fact]
    public async Task A_box_spends_nothing_of_anothers_cap_before_it_was_lent_something_and_then_all_of_it_together_with_the_others()
    {
        var board = new FaultyBoard(null);
        var time = new ManualTime();
        using var a = new LoanBox("a", Options, board.SeenBy, time);
        using var b = new LoanBox("b", Options, board.SeenBy, time);
        Assert.False(await b.SpendAsync(1));
        Assert.True(await a.SpendAsync(200_000));

        var spent = 200_000L;
        for (var i = 0; i < 400; i++)
        {
            spent += await b.SpendAsync(5_000) ? 5_000 : 0;
            await b.Shared.RoundAsync(default);
            await a.Shared.RoundAsync(default);
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.InRange(spent, Cap * 99 / 100, Cap);
        Assert.False(await a.SpendAsync(10_000));
    }

    [Fact]
    public async Task A_loan_that_lies_idle_goes_back_to_its_owner_and_is_asked_for_again_when_calls_lack_it()
    {
        var board = new FaultyBoard(null);
        var time = new ManualTime();
        using var a = new LoanBox("a", Options, board.SeenBy, time);
        using var b = new LoanBox("b", Options, board.SeenBy, time);
        await TurnAsync(a, b);
        Assert.True(await b.SpendAsync(1_000));
        Assert.NotEqual(1_000, BudgetRig.Account(a.Keeper, BudgetScope.Organisation).Lent.MicroUsd);
        for (var i = 0; i < 3; i++)
        {
            time.Advance(TimeSpan.FromMinutes(1));
            await TurnAsync(a, b);
        }

        Assert.Equal(1_000, BudgetRig.Account(a.Keeper, BudgetScope.Organisation).Lent.MicroUsd);
        Assert.False(await b.SpendAsync(300_000));
        await TurnAsync(a, b);
        Assert.True(await b.SpendAsync(300_000));
        await b.Shared.GiveAllBackAsync(default);
        await a.Shared.RoundAsync(default);
        Assert.Equal(301_000, BudgetRig.Account(a.Keeper, BudgetScope.Organisation).Lent.MicroUsd);
    }

    [Fact]
    public async Task A_new_day_begins_with_nothing_borrowed()
    {
        var board = new FaultyBoard(null);
        var time = new ManualTime();
        using var a = new LoanBox("a", Options, board.SeenBy, time);
        using var b = new LoanBox("b", Options, board.SeenBy, time);
        await TurnAsync(a, b);
        Assert.True(await b.SpendAsync(1_000));
        time.Advance(TimeSpan.FromDays(1));
        Assert.False(await b.SpendAsync(1_000));
        await TurnAsync(a, b);
        Assert.True(await b.SpendAsync(1_000));
    }

    [Fact]
    public async Task A_box_that_is_cut_off_spends_what_it_was_lent_and_no_more()
    {
        var board = new FaultyBoard(null);
        var time = new ManualTime();
        using var a = new LoanBox("a", Options, board.SeenBy, time);
        using var b = new LoanBox("b", Options, board.SeenBy, time);
        await TurnAsync(a, b);
        var lent = BudgetRig.Account(a.Keeper, BudgetScope.Organisation).Lent.MicroUsd;
        board.CutOff.Add("b");
        var spent = 0;
        for (var i = 0; i < 100; i++)
        {
            spent += await b.SpendAsync(1_000) ? 1_000 : 0;
            await TurnAsync(a, b);
        }

        Assert.InRange(spent, lent - 1_000, lent);
        board.CutOff.Clear();
        await TurnAsync(a, b);
        Assert.True(await b.SpendAsync(1_000));
    }

    [Fact]
    public async Task A_refusal_for_want_of_a_loan_says_so_and_when_to_come_back()
    {
        var board = new FaultyBoard(null);
        using var b = new LoanBox("b", Options, board.SeenBy, new ManualTime());
        var starved = 0;
        b.Keeper.Lending.Starved = () => starved++;
        var refusal = await BudgetRig.SpendAsync(b.Keeper, 1_000);
        Assert.True(refusal.IsStarved);
        Assert.Contains("belongs to another box", refusal.Message, StringComparison.Ordinal);
        Assert.InRange(b.Keeper.UntilRenewal(refusal), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10));
        Assert.Equal(1, starved);
    }

    [Fact]
    public async Task An_owner_whose_books_are_lost_counts_what_stands_on_the_board_as_lent()
    {
        var board = new FaultyBoard(null);
        var time = new ManualTime();
        using var a = new LoanBox("a", Options, board.SeenBy, time);
        using var b = new LoanBox("b", Options, board.SeenBy, time);
        await TurnAsync(a, b);
        var lent = BudgetRig.Account(a.Keeper, BudgetScope.Organisation).Lent;
        Assert.NotEqual(default, lent);
        a.Wipe();
        await a.Shared.RoundAsync(default);
        Assert.Equal(lent, BudgetRig.Account(a.Keeper, BudgetScope.Organisation).Lent);
    }

    [Fact]
    public async Task A_give_back_that_overtakes_a_loan_being_written_is_not_undone_by_it()
    {
        var board = new FaultyBoard(null);
        using var b = new LoanBox("b", Options, board.SeenBy, new ManualTime());
        var key = Assert.Single(b.Keeper.Lending.Borrowed()).Key;
        _ = await b.Keeper.Lending.BorrowAsync(key, "a", new Amount(5_000, 0));
        var borrowing = b.Keeper.Lending.BorrowAsync(key, "a", new Amount(10_000, 0)).AsTask();
        var back = await b.Keeper.Lending.GiveBackAsync(key);
        await borrowing;
        var open = Assert.Single(b.Keeper.Lending.Borrowed()).Block.Open;
        Assert.Equal(10_000 - back.Returned.MicroUsd, open.MicroUsd);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public async Task Five_boxes_never_spend_more_than_the_cap_whatever_is_lost_late_repeated_cut_off_or_dies(int seed)
    {
        var spent = 0L;
        for (var round = 0; round < 8; round++)
        {
            spent += await SimulateAsync((seed * 1_000) + round);
        }

        // Losing disks strands loans; what is left must still be lent.
        Assert.True(spent > 8 * Cap / 2, $"seed {seed}: only {spent} spent");
    }

    private static async Task<long> SimulateAsync(int seed)
    {
        var dice = new TestDice(seed);
        var board = new FaultyBoard(dice);
        var time = new ManualTime();
        var boxes = new[] { "a", "b", "c", "d", "e" }.Select(name => new LoanBox(name, Options, board.SeenBy, time)).ToArray();
        var spent = 0L;
        for (var step = 0; step < 500; step++)
        {
            var box = boxes[dice.Next(boxes.Length)];
            switch (dice.Next(40))
            {
                case 0:
                    box.Crash();
                    break;
                case 1 when box.Name != "a" && dice.Next(4) == 0:
                    box.Wipe();
                    break;
                case 2:
                    _ = board.CutOff.Add(box.Name);
                    break;
                case 3:
                    board.CutOff.Clear();
                    break;
                case 4:
                    time.Advance(TimeSpan.FromSeconds(dice.Next(90)));
                    break;
                case < 22:
                    await box.Shared.RoundAsync(default);
                    break;
                default:
                    var cost = dice.Next(12_000) + 1L;
                    spent += await box.SpendAsync(cost) ? cost : 0;
                    break;
            }

            Assert.True(spent <= Cap, $"seed {seed}, step {step}: {spent} spent of {Cap}");
        }

        // Healed, everybody takes what is left: an overspent loan shows at the cap's end.
        board.CutOff.Clear();
        for (var step = 0; step < 1_000; step++)
        {
            var box = boxes[step % boxes.Length];
            await box.Shared.RoundAsync(default);
            spent += await box.SpendAsync(3_000) ? 3_000 : 0;
        }

        Assert.True(spent <= Cap, $"seed {seed}, at the end: {spent} spent of {Cap}");
        Array.ForEach(boxes, box => box.Dispose());
        return spent;
    }

    private static async Task TurnAsync(LoanBox owner, LoanBox borrower)
    {
        await borrower.Shared.RoundAsync(default);
        await owner.Shared.RoundAsync(default);
        await borrower.Shared.RoundAsync(default);
    }
}
