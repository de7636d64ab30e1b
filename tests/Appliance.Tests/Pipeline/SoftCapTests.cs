using Jesus.Appliance.Admission;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pipeline;

/// <summary>Steps 1, 3 and 7 as a caller meets them.</summary>
public sealed class SoftCapTests
{
    private static readonly PricesOptions Prices = new()
    {
        Prices =
        [
            new PriceOptions { Provider = "dear", Model = "m", InputPerMillionTokens = 100, OutputPerMillionTokens = 1_000 },
            new PriceOptions { Provider = "cheap", Model = "m", InputPerMillionTokens = 1, OutputPerMillionTokens = 10 },
        ],
    };

    [Fact]
    public async Task Past_a_soft_cap_a_call_takes_the_cheaper_candidate_and_is_never_refused()
    {
        var dear = FakeAdapter.Saying("dear", "dear answer");
        var cheap = FakeAdapter.Saying("cheap", "cheap answer");
        var test = new TestPipeline([dear, cheap], budgets: Soft(usd: 0.15m), prices: Prices);
        Assert.Equal("dear/m", (await test.RunAsync(new CollectingSink())).Candidate);
        for (var i = 0; i < 8; i++)
        {
            _ = await test.RunAsync(new CollectingSink());
        }

        var last = await test.RunAsync(new CollectingSink());
        Assert.Equal("cheap/m", last.Candidate);

        // The cheap ones too pass the cap at last, and still answer.
        var tight = new TestPipeline([dear, cheap], budgets: Soft(usd: 0.0001m), prices: Prices);
        var outcome = await tight.RunAsync(new CollectingSink());
        Assert.Equal("cheap/m", outcome.Candidate);
        Assert.True(outcome.Succeeded);
    }

    [Fact]
    public async Task A_hard_cap_beside_a_soft_one_still_refuses()
    {
        var budgets = Soft(usd: 0.0001m);
        budgets = budgets with { Caps = [.. budgets.Caps, new CapOptions { Scope = BudgetScope.User, Period = BudgetPeriod.Day, Usd = 0.0002m }] };
        var test = new TestPipeline([FakeAdapter.Saying("dear", "x"), FakeAdapter.Saying("cheap", "x")], budgets: budgets, prices: Prices);
        var outcome = await test.RunAsync(new CollectingSink());
        Assert.NotNull(outcome.RefusedByBudget);
        Assert.True(outcome.Error.RetryAfter > TimeSpan.Zero);
        Assert.All(test.Budgets.Admin.View(), a => Assert.Equal(default, a.Reserved));
    }

    [Fact]
    public async Task What_nothing_prices_is_refused_under_a_cap_of_money_unless_its_route_allows_it()
    {
        var budgets = new BudgetsOptions { Caps = [new CapOptions { Scope = BudgetScope.User, Usd = 1 }] };
        var strict = await new TestPipeline([FakeAdapter.Saying("new", "x")], budgets: budgets).RunAsync(new CollectingSink());
        Assert.Contains("allowUnpriced", strict.Error.Message, StringComparison.Ordinal);
        var open = new TestPipeline([FakeAdapter.Saying("new", "x")], new RouteOptions { AllowUnpriced = true }, budgets);
        Assert.True((await open.RunAsync(new CollectingSink())).Succeeded);
        Assert.Equal(new Amount(0, 15), Assert.Single(open.Budgets.Admin.View()).Used);
    }

    [Fact]
    public async Task Counting_tokens_is_free_under_any_cap_and_embeddings_pay()
    {
        var budgets = new BudgetsOptions { Caps = [new CapOptions { Scope = BudgetScope.User, Usd = 0.001m, Tokens = 1_000 }] };
        var adapter = new FakeAdapter("cheap", (_, _, _) => ValueTask.FromResult(new CallResult { Usage = new Usage { InputTokens = 10 } }));
        var test = new TestPipeline([adapter], budgets: budgets, prices: Prices);
        var count = await test.RunAsync(new CollectingSink(), call => call.Request.Operation = ModelOperation.CountTokens);
        Assert.Equal((10, 0L), (count.Usage.InputTokens, count.CostMicroUsd));
        Assert.Equal(default, Assert.Single(test.Budgets.Admin.View()).Used);
        Assert.Equal(10, (await test.RunAsync(new CollectingSink(), call => call.Request.Operation = ModelOperation.Embed)).CostMicroUsd);
        Assert.Equal(new Amount(10, 10), Assert.Single(test.Budgets.Admin.View()).Used);
    }

    [Fact]
    public async Task A_run_keeps_the_prices_of_the_day_on_which_it_began()
    {
        var now = DateTimeOffset.UnixEpoch.AddYears(56);
        var prices = new PricesOptions
        {
            Prices =
            [
                new PriceOptions { Provider = "a", Model = "m", InputPerMillionTokens = 1 },
                new PriceOptions { Provider = "a", Model = "m", From = now, InputPerMillionTokens = 7 },
            ],
        };
        var test = new TestPipeline([FakeAdapter.Saying("a", "x")], prices: prices);
        Assert.Equal(10, (await test.RunAsync(new CollectingSink(), call => call.PricedAt = now.AddDays(-1))).CostMicroUsd);
        Assert.Equal(70, (await test.RunAsync(new CollectingSink(), call => call.PricedAt = now.AddDays(1))).CostMicroUsd);
    }

    [Fact]
    public void A_reloaded_price_table_holds_from_then_on_and_not_for_what_began_before()
    {
        var book = new PriceTableHolder(PriceTable.Build(Prices, []));
        var reloaded = DateTimeOffset.UnixEpoch.AddYears(56);
        book.Replace(PriceTable.Build(new PricesOptions { Prices = [new PriceOptions { Provider = "cheap", Model = "m", InputPerMillionTokens = 3 }] }, []), reloaded);
        Assert.Equal(1, book.At(reloaded.AddTicks(-1)).Find("cheap/m", "cheap", true, reloaded).Input);
        Assert.Equal(3, book.At(reloaded).Find("cheap/m", "cheap", true, reloaded).Input);
    }

    [Fact]
    public async Task A_call_learns_its_rate_limits_and_its_tokens_are_corrected_when_it_ends()
    {
        var limits = new LimitsOptions { Rules = [new LimitRule { Scope = LimitScope.User, RequestsPerMinute = 5, TokensPerMinute = 1_000 }] };
        var test = new TestPipeline([FakeAdapter.Saying("a", "x")], limits: limits);
        var seen = default(RateLimits);
        var call = TestPipeline.Call();
        _ = await test.Pipeline.RunAsync(call, new CollectingSink(), CancellationToken.None);
        seen = call.RateLimits;
        Assert.Equal((5L, 4L), (seen.Requests.Limit, seen.Requests.Remaining));
        Assert.Equal((1_000L, 890L), (seen.Tokens.Limit, seen.Tokens.Remaining));
        var next = TestPipeline.Call(c => c.Request.MaxOutputTokens = 985);
        Assert.Equal(ErrorCause.RateLimited, (await test.Pipeline.RunAsync(next, new CollectingSink(), CancellationToken.None)).Error.Cause);
        Assert.InRange(next.RateLimits.Tokens.Remaining, 984, 995);
    }

    private static BudgetsOptions Soft(decimal usd) =>
        new() { Caps = [new CapOptions { Scope = BudgetScope.User, Period = BudgetPeriod.Day, Usd = usd, Soft = true }] };
}
