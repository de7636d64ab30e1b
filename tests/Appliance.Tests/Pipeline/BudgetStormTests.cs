using Jesus.Appliance.Admission;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Scheduler;
using Jesus.Inference.Contract;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Pipeline;

/// <summary>The whole path of a call under caps that are too small for what is asked.</summary>
public sealed class BudgetStormTests
{
    [Theory]
    [InlineData(61, CommitPoint.FirstToken, false)]
    [InlineData(62, CommitPoint.Complete, false)]
    [InlineData(63, CommitPoint.FirstToken, true)]
    public async Task A_thousand_calls_that_fail_fall_back_to_a_dearer_model_and_are_hedged_never_pass_a_cap(int seed, CommitPoint commit, bool hedged)
    {
        var billed = 0L;
        var cheap = new FakeAdapter("cheap", async (request, sink, _) => await AnswerAsync(1, request, sink));
        var dear = new FakeAdapter("dear", async (request, sink, _) => await AnswerAsync(10, request, sink));
        var prices = new PricesOptions
        {
            Prices =
            [
                new PriceOptions { Provider = "cheap", Model = "m", InputPerMillionTokens = 1, OutputPerMillionTokens = 1 },
                new PriceOptions { Provider = "dear", Model = "m", InputPerMillionTokens = 10, OutputPerMillionTokens = 10 },
            ],
        };
        var budgets = new BudgetsOptions
        {
            Caps =
            [
                new CapOptions { Scope = BudgetScope.User, Period = BudgetPeriod.Day, Usd = 0.015m },
                new CapOptions { Scope = BudgetScope.Team, Period = BudgetPeriod.Month, Usd = 0.04m, Tokens = 25_000 },
                new CapOptions { Scope = BudgetScope.Organisation, Usd = 0.06m },
            ],
        };
        var hedge = hedged ? new HedgeOptions { AfterMs = 1, MaxPercent = 100 } : null;

        // A place for everybody: on a busy machine the limits or the doors would otherwise turn calls away before the caps do.
        var limits = new LimitsOptions { CallsInProgress = 0, MemoryPercentMax = 0 };
        var doors = new SchedulerOptions { DefaultSlots = 1_000 };
        var test = new TestPipeline([cheap, dear], new RouteOptions { Commit = commit, Retries = 0, Hedge = hedge }, budgets, prices, limits, scheduler: doors);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(async i =>
        {
            await Task.Yield();

            // The caps are to turn calls away, not a breaker that five failures in a row have opened.
            Array.ForEach([.. test.Candidates], candidate => candidate.Health.Succeeded());
            var outcome = await test.RunAsync(new CollectingSink(), call => call.Principal = call.Principal with { User = $"u{i % 5}", Team = $"t{i % 2}" });
            AssertWithin(test.Budgets, seed);
            return outcome;
        }));

        Assert.Contains(outcomes, o => o.Succeeded && o.Candidate == "dear/m");
        Assert.True(
            outcomes.Any(o => o.RefusedByBudget is not null),
            $"seed {seed}: no cap was reached: {string.Join(", ", outcomes.GroupBy(o => (o.Candidate, o.Error.Cause)).Select(g => $"{g.Key} {g.Count()} {g.Sum(o => o.CostMicroUsd)}"))}");
        Assert.All(test.Budgets.Admin.View(), a => Assert.Equal(default, a.Reserved));
        var organisation = Assert.Single(test.Budgets.Admin.View(), a => a.Key.Scope == BudgetScope.Organisation);
        Assert.True(organisation.Used.MicroUsd >= billed, $"seed {seed}: {organisation.Used.MicroUsd} counted, {billed} billed");
        Assert.Equal(outcomes.Sum(o => o.CostMicroUsd), organisation.Used.MicroUsd);

        async ValueTask<CallResult> AnswerAsync(int price, ModelRequest request, IAnswerSink sink)
        {
            await Task.Delay(hedged ? 5 : 0);
            var dice = new TestDice(seed + (int)Interlocked.Read(ref billed));
            var output = dice.Next(request.MaxOutputTokens + 1);
            Interlocked.Add(ref billed, (10 + output) * price);
            return dice.Next(3) == 0
                ? CallResult.Failed(ErrorCause.Cut, "cut") with { Quality = UsageQuality.Estimated }
                : await FakeAdapter.SayAsync(sink, "hello", output: output);
        }
    }

    private static void AssertWithin(BudgetKeeper keeper, int seed)
    {
        foreach (var account in keeper.Admin.View())
        {
            Assert.True((account.Used + account.Reserved).FitsIn(account.Cap), $"seed {seed}: {account.Key.Display} is over its cap");
        }
    }
}
