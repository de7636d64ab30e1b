using Jesus.Appliance.Budgets;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Budgets;

public sealed class BudgetLendingTests
{
    private static readonly AccountKey Org = new(BudgetScope.Organisation, "org", BudgetPeriod.Ever, 0);
    private static readonly BudgetsOptions Options = new() { Caps = [new CapOptions { Scope = BudgetScope.Organisation, Name = "org", Usd = 1 }] };

    [Fact]
    public async Task A_peer_spends_what_it_was_lent_and_no_more_and_gives_the_rest_back()
    {
        using var owner = BudgetRig.Keeper(Options, new MemoryJournal());
        using var peer = BudgetRig.Keeper(Options, new MemoryJournal());
        _ = await peer.Lending.BorrowAsync(Org, "owner", default);
        Assert.False((await BudgetRig.SpendAsync(peer, 1)).IsNone);

        var (loan, refusal) = await owner.Lending.LendAsync(Org, "peer", new Amount(400_000, 1_000));
        Assert.True(refusal.IsNone);
        _ = await peer.Lending.BorrowAsync(Org, "owner", loan.Lent);
        Assert.True((await BudgetRig.SpendAsync(peer, 300_000)).IsNone);
        Assert.False((await BudgetRig.SpendAsync(peer, 200_000)).IsNone);
        Assert.False((await BudgetRig.SpendAsync(owner, 700_000)).IsNone);

        var back = await peer.Lending.GiveBackAsync(Org);
        Assert.Equal(100_000, back.Returned.MicroUsd);
        await owner.Lending.TakeBackAsync(Org, "peer", back.Returned);
        await owner.Lending.TakeBackAsync(Org, "peer", back.Returned);
        Assert.Equal(300_000, BudgetRig.Account(owner, BudgetScope.Organisation).Used.MicroUsd);
        Assert.True((await BudgetRig.SpendAsync(owner, 700_000)).IsNone);
        Assert.False((await BudgetRig.SpendAsync(peer, 1)).IsNone);
    }

    [Fact]
    public async Task An_owner_lends_no_more_than_its_cap()
    {
        using var owner = BudgetRig.Keeper(Options, new MemoryJournal());
        Assert.True((await owner.Lending.LendAsync(Org, "a", new Amount(600_000, 0))).Refusal.IsNone);
        Assert.False((await owner.Lending.LendAsync(Org, "b", new Amount(600_000, 0))).Refusal.IsNone);
    }

    [Theory]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(33)]
    public async Task Three_boxes_never_spend_more_than_the_cap_while_messages_are_lost_and_boxes_die(int seed)
    {
        var dice = new TestDice(seed);
        var journals = new[] { new MemoryJournal(), new MemoryJournal(), new MemoryJournal() };
        var boxes = journals.Select(j => BudgetRig.Keeper(Options, j)).ToArray();
        var spent = 0L;
        for (var peer = 1; peer <= 2; peer++)
        {
            _ = await boxes[peer].Lending.BorrowAsync(Org, "owner", default);
        }

        for (var step = 0; step < 400; step++)
        {
            var peer = 1 + dice.Next(2);
            switch (dice.Next(6))
            {
                case 0:
                    var (loan, refusal) = await boxes[0].Lending.LendAsync(Org, $"p{peer}", new Amount(dice.Next(80_000) + 1, 500));
                    if (refusal.IsNone && dice.Next(4) != 0)
                    {
                        _ = await boxes[peer].Lending.BorrowAsync(Org, "owner", loan.Lent);
                    }

                    break;
                case 1:
                    var back = await boxes[peer].Lending.GiveBackAsync(Org);
                    if (dice.Next(4) != 0)
                    {
                        await boxes[0].Lending.TakeBackAsync(Org, $"p{peer}", back.Returned);
                    }

                    break;
                case 2:
                    var victim = dice.Next(3);
                    boxes[victim].Dispose();
                    journals[victim].Crash();
                    boxes[victim] = BudgetRig.Keeper(Options, journals[victim]);
                    break;
                default:
                    var cost = dice.Next(20_000) + 1L;
                    spent += (await BudgetRig.SpendAsync(boxes[dice.Next(3)], cost)).IsNone ? cost : 0;
                    break;
            }

            Assert.True(spent <= 1_000_000, $"seed {seed}, step {step}: {spent} spent");
        }

        Assert.True(spent > 100_000, $"seed {seed}: only {spent} spent");
        Array.ForEach(boxes, box => box.Dispose());
    }
}
