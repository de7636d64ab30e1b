using Jesus.Appliance.Budgets;
using Jesus.Appliance.Federation.Budgets;

namespace Jesus.Appliance.Tests.Federation.Budgets;

public sealed class LoanWireTests
{
    [Theory]
    [InlineData("org")]
    [InlineData("a team / with = every.thing ü *>")]
    public void A_key_says_whose_loan_of_what_it_is(string name)
    {
        var id = new LoanId("box-a", "box_b.3f9a", new AccountKey(BudgetScope.Team, name, BudgetPeriod.Month, 24_322));
        foreach (var key in new[] { LoanKeys.Ask(id)!, LoanKeys.Loan(id)! })
        {
            Assert.Matches("^[-_=.a-zA-Z0-9]+$", key);
            Assert.True(LoanKeys.TryRead(key, out var read, out var isAsk));
            Assert.Equal(id, read);
            Assert.Equal(key.StartsWith("ask.box_b.3f9a.box-a.", StringComparison.Ordinal), isAsk);
        }

        Assert.StartsWith("loan.box-a.box_b.3f9a.", LoanKeys.Loan(id), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("loan.a.b.g.team.x.month")]
    [InlineData("loan.a.b.g.team.x.month.1.2")]
    [InlineData("lend.a.b.g.team.x.month.1")]
    [InlineData("loan.a.b.g.tribe.x.month.1")]
    [InlineData("loan.a.b.g.team.x.year.1")]
    [InlineData("loan.a.b.g.team.x=4.month.1")]
    [InlineData("loan.a.b.g.team.x=ZZ.month.1")]
    [InlineData("loan.a.b.g.team.x.month.-1")]
    [InlineData("loan.a.b.g.team.x.month.99999999999")]
    public void A_key_of_another_kind_is_left_alone(string key) => Assert.False(LoanKeys.TryRead(key, out _, out _));

    [Fact]
    public void A_name_too_long_for_a_key_has_none() =>
        Assert.Null(LoanKeys.Ask(new LoanId("a", "b.g", new AccountKey(BudgetScope.Team, new string('ü', 256), BudgetPeriod.Ever, 0))));

    [Fact]
    public void Words_come_back_as_they_were_written_and_nonsense_is_refused()
    {
        var ask = new LoanAsk(new Amount(1, 2), new Amount(3_000_000_000_000, Amount.Unlimited - 1));
        Assert.True(LoanAsk.TryRead(ask.Encode(), out var readAsk));
        Assert.Equal(ask, readAsk);
        var grant = new LoanGrant(new Amount(long.MaxValue / 5, 0));
        Assert.True(LoanGrant.TryRead(grant.Encode(), out var readGrant));
        Assert.Equal(grant, readGrant);

        Assert.False(LoanGrant.TryRead([], out _));
        Assert.False(LoanGrant.TryRead(grant.Encode().AsSpan(0, 5), out _));
        Assert.False(LoanGrant.TryRead(new LoanGrant(new Amount(-1, 0)).Encode(), out _));
        Assert.False(LoanGrant.TryRead(new LoanGrant(new Amount(Amount.Unlimited, 0)).Encode(), out _));
        Assert.False(LoanAsk.TryRead("not a message"u8, out _));
    }

    [Fact]
    public void An_owner_lends_at_most_half_of_what_is_left_until_little_is()
    {
        var cap = new Amount(1_000_000, Amount.Unlimited);
        Assert.Equal(new Amount(1_000, 0), LoanRules.Give(new Amount(1_000, 50), new Amount(900_000, 1), cap));
        Assert.Equal(new Amount(50_000, 0), LoanRules.Give(new Amount(90_000, 0), new Amount(100_000, 0), cap));
        Assert.Equal(new Amount(3_000, 0), LoanRules.Give(new Amount(90_000, 0), new Amount(3_000, 0), cap));
        Assert.Equal(default, LoanRules.Give(new Amount(90_000, 0), new Amount(0, 0), cap));
        Assert.Equal(default, LoanRules.Give(new Amount(-5, 0), new Amount(100, 0), cap));
    }
}
