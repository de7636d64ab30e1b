using Jesus.Appliance.Budgets;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pipeline;

public sealed class HedgeTests
{
    private static readonly RouteOptions Hedged = new() { Hedge = new HedgeOptions { AfterMs = 20, MaxPercent = 100 }, FirstTokenTimeoutMs = 60_000 };

    private static readonly PricesOptions OneEach = new()
    {
        Prices =
        [
            new PriceOptions { Provider = "a", Model = "m", InputPerMillionTokens = 1, OutputPerMillionTokens = 1 },
            new PriceOptions { Provider = "b", Model = "m", InputPerMillionTokens = 1, OutputPerMillionTokens = 1 },
        ],
    };

    [Fact]
    public async Task The_second_begins_when_the_first_is_late_and_the_first_is_cancelled_and_paid_at_its_bound()
    {
        var slow = Hanging("a");
        var test = new TestPipeline([slow, FakeAdapter.Saying("b", "from b")], Hedged, prices: OneEach);
        var sink = new CollectingSink();
        var call = TestPipeline.Call();
        var outcome = await test.Pipeline.RunAsync(call, sink, TestContext.Current.CancellationToken);

        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.Equal(("b/m", "from b", 2), (outcome.Candidate, sink.Text, outcome.Attempts));
        Assert.Equal([EventKind.Started, EventKind.Text, EventKind.Finished], sink.Kinds);

        // The loser never said what it used: 10 tokens of prompt and 100 of answer; the winner said 15.
        Assert.Equal(110 + 15, outcome.CostMicroUsd);
        Assert.Equal(UsageQuality.Estimated, outcome.Quality);
        Assert.Equal("b/m", call.Candidate!.Label);
        Assert.Contains(call.Decisions.Items, d => d is { Candidate: "a/m", Verdict: "began later and was cancelled" });
        Assert.Equal(0, test.Candidates[0].Health.InFlight + test.Candidates[1].Health.InFlight);
        Assert.Equal(default, test.Candidates[0].Health.State);
    }

    [Fact]
    public async Task A_loser_that_says_what_it_used_is_charged_that()
    {
        var slow = new FakeAdapter("a", async (_, _, cancel) =>
        {
            await Task.Delay(Timeout.Infinite, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return new CallResult { Error = new ModelError(ErrorCause.Cancelled, "cancelled"), Usage = new Usage { InputTokens = 10 } };
        });
        var test = new TestPipeline([slow, FakeAdapter.Saying("b", "from b")], Hedged, prices: OneEach);
        var outcome = await test.RunAsync(new CollectingSink());
        Assert.Equal((25, UsageQuality.Exact), (outcome.CostMicroUsd, outcome.Quality));
    }

    [Fact]
    public async Task The_first_may_still_win_after_the_second_began()
    {
        var begun = new TaskCompletionSource();
        var first = new FakeAdapter("a", async (_, sink, _) =>
        {
            await begun.Task;
            return await FakeAdapter.SayAsync(sink, "from a");
        });
        var second = new FakeAdapter("b", async (_, sink, cancel) =>
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Started });
            begun.SetResult();
            await Task.Delay(Timeout.Infinite, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "too late"u8.ToArray() });
            return CallResult.Failed(ErrorCause.Cancelled, "cancelled");
        });
        var test = new TestPipeline([first, second], Hedged);
        var sink = new CollectingSink();
        var outcome = await test.RunAsync(sink);
        Assert.Equal(("a/m", "from a", 2), (outcome.Candidate, sink.Text, outcome.Attempts));
        Assert.Equal([EventKind.Started, EventKind.Text, EventKind.Finished], sink.Kinds);
    }

    [Fact]
    public async Task When_the_first_fails_while_both_run_the_second_answers()
    {
        var begun = new TaskCompletionSource();
        var first = new FakeAdapter("a", async (_, _, _) =>
        {
            await begun.Task;
            return CallResult.Failed(ErrorCause.ConnectFailed, "gone");
        });
        var second = new FakeAdapter("b", async (_, sink, _) =>
        {
            begun.SetResult();
            await Task.Yield();
            return await FakeAdapter.SayAsync(sink, "from b");
        });
        var test = new TestPipeline([first, second], Hedged);
        var sink = new CollectingSink();
        Assert.Equal("b/m", (await test.RunAsync(sink)).Candidate);
        Assert.Equal("from b", sink.Text);
    }

    [Fact]
    public async Task When_both_fail_the_third_is_tried()
    {
        var begun = new TaskCompletionSource();
        var first = new FakeAdapter("a", async (_, _, _) =>
        {
            await begun.Task;
            return CallResult.Failed(ErrorCause.ConnectFailed, "gone");
        });
        var second = new FakeAdapter("b", (_, _, _) =>
        {
            begun.SetResult();
            return ValueTask.FromResult(CallResult.Failed(ErrorCause.Overloaded, "full"));
        });
        var test = new TestPipeline([first, second, FakeAdapter.Saying("c", "from c")], Hedged);
        var sink = new CollectingSink();
        var outcome = await test.RunAsync(sink);
        Assert.Equal(("c/m", "from c", 3), (outcome.Candidate, sink.Text, outcome.Attempts));
    }

    [Fact]
    public async Task No_hedge_begins_that_the_caps_could_not_bear_beside_the_first()
    {
        var call = TestPipeline.Call();
        var slow = new FakeAdapter("a", async (_, sink, cancel) =>
        {
            while (!call.Decisions.Items.Any(d => d.Verdict == "not hedged: over budget") && !cancel.IsCancellationRequested)
            {
                await Task.Delay(5, CancellationToken.None);
            }

            return await FakeAdapter.SayAsync(sink, "from a");
        });
        var second = FakeAdapter.Saying("b", "from b");

        // One worst case is 110 micro-dollars; two do not fit.
        var budgets = new BudgetsOptions { Caps = [new CapOptions { Scope = BudgetScope.User, Name = "system", Period = BudgetPeriod.Day, Usd = 0.000_200m }] };
        var test = new TestPipeline([slow, second], Hedged, budgets: budgets, prices: OneEach);
        var outcome = await test.Pipeline.RunAsync(call, new CollectingSink(), TestContext.Current.CancellationToken);
        Assert.Equal(("a/m", 0), (outcome.Candidate, second.Calls));
    }

    [Fact]
    public async Task No_hedge_begins_above_its_own_cost_or_with_data_that_must_be_redacted()
    {
        var slow = new FakeAdapter("a", async (_, sink, cancel) =>
        {
            await Task.Delay(200, cancel);
            return await FakeAdapter.SayAsync(sink, "from a");
        });
        var second = FakeAdapter.Saying("b", "from b");
        var cheap = Hedged with { Hedge = Hedged.Hedge! with { MaxCostUsd = 0.000_100m } };
        Assert.Equal("a/m", (await new TestPipeline([slow, second], cheap, prices: OneEach).RunAsync(new CollectingSink())).Candidate);
        var redacted = await new TestPipeline([slow, second], Hedged).RunAsync(new CollectingSink(), call => call.DataClass = DataClass.Internal);
        Assert.Equal(("a/m", 0), (redacted.Candidate, second.Calls));
    }

    [Fact]
    public async Task A_caller_that_leaves_ends_both()
    {
        using var cancel = new CancellationTokenSource();
        var second = new FakeAdapter("b", async (_, _, token) =>
        {
            await cancel.CancelAsync();
            await Task.Delay(Timeout.Infinite, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return CallResult.Failed(ErrorCause.Cancelled, "cancelled");
        });
        var test = new TestPipeline([Hanging("a"), second], Hedged);
        var outcome = await test.RunAsync(new CollectingSink(), cancel: cancel.Token);
        Assert.Equal((ErrorCause.Cancelled, 2), (outcome.Error.Cause, outcome.Attempts));
    }

    [Fact]
    public void Hedges_stay_within_their_share_of_the_calls()
    {
        var count = new HedgeCount(10);
        var taken = 0;
        for (var i = 0; i < 10_000; i++)
        {
            count.Called();
            taken += count.TryTake() ? 1 : 0;
        }

        Assert.InRange(taken, 900, 1_000);
    }

    [Fact]
    public async Task The_second_is_another_server_not_another_key_of_the_one_that_is_late()
    {
        var otherKey = FakeAdapter.Saying("a", "second key");
        var test = new TestPipeline([Hanging("a"), otherKey, FakeAdapter.Saying("b", "from b")], Hedged, prices: OneEach);
        var sink = new CollectingSink();
        var outcome = await test.RunAsync(sink);
        Assert.Equal(("b/m", "from b", 2, 0), (outcome.Candidate, sink.Text, outcome.Attempts, otherKey.Calls));
    }

    private static FakeAdapter Hanging(string provider) => new(provider, async (_, _, cancel) =>
    {
        await Task.Delay(Timeout.Infinite, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return new CallResult { Error = new ModelError(ErrorCause.Cancelled, "cancelled"), Quality = UsageQuality.Estimated };
    });
}
