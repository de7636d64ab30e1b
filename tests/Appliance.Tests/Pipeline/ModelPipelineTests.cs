using Jesus.Appliance.Budgets;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Appliance.Storage.Journal;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pipeline;

public sealed class ModelPipelineTests
{
    private static readonly PricesOptions TenAndTwenty = new()
    {
        Prices = [new PriceOptions { Provider = "a", Model = "m", InputPerMillionTokens = 10, OutputPerMillionTokens = 20 }],
    };

    [Fact]
    public async Task An_answer_streams_through_and_is_charged_and_recorded()
    {
        var test = new TestPipeline([FakeAdapter.Saying("a", "hi there")], prices: TenAndTwenty);
        var sink = new CollectingSink();
        var outcome = await test.RunAsync(sink);

        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.Equal("hi there", sink.Text);
        Assert.Equal([EventKind.Started, EventKind.Text, EventKind.Finished], sink.Kinds);
        Assert.Equal("a/m", outcome.Candidate);
        Assert.Equal((10 * 10) + (5 * 20), outcome.CostMicroUsd);
        Assert.Equal([JournalKind.Call, JournalKind.Usage], test.Journal.Records.Select(r => r.Kind));
    }

    [Fact]
    public async Task A_failed_candidate_is_followed_by_the_next()
    {
        var test = new TestPipeline([FakeAdapter.Failing("a", ErrorCause.ConnectFailed), FakeAdapter.Saying("b", "from b")]);
        var sink = new CollectingSink();
        var outcome = await test.RunAsync(sink);

        Assert.Equal("b/m", outcome.Candidate);
        Assert.Equal(2, outcome.Attempts);
        Assert.Equal("from b", sink.Text);
    }

    [Fact]
    public async Task A_cause_that_the_route_does_not_list_ends_the_call()
    {
        var test = new TestPipeline([FakeAdapter.Failing("a", ErrorCause.ContentPolicy), FakeAdapter.Saying("b", "from b")]);
        var outcome = await test.RunAsync(new CollectingSink());

        Assert.Equal(ErrorCause.ContentPolicy, outcome.Error.Cause);
        Assert.Equal(1, outcome.Attempts);
    }

    [Fact]
    public async Task A_committed_answer_is_never_started_again()
    {
        var cut = new FakeAdapter("a", async (_, sink, _) =>
        {
            await FakeAdapter.SayAsync(sink, "half an ans");
            return CallResult.Failed(ErrorCause.Cut, "cut");
        });
        var test = new TestPipeline([cut, FakeAdapter.Saying("b", "from b")]);
        var sink = new CollectingSink();
        var outcome = await test.RunAsync(sink);

        Assert.True(outcome.Committed);
        Assert.Equal(ErrorCause.Cut, outcome.Error.Cause);
        Assert.Equal("half an ans", sink.Text);
        Assert.Equal(FinishReason.Error, sink.Finished);
    }

    [Fact]
    public async Task A_held_back_answer_that_is_no_json_falls_back_unseen()
    {
        var route = new RouteOptions { Commit = CommitPoint.Complete };
        var test = new TestPipeline([FakeAdapter.Saying("a", "{\"half\":"), FakeAdapter.Saying("b", "{\"whole\":1}")], route);
        var sink = new CollectingSink();
        var outcome = await test.RunAsync(sink, call => call.Request.Constraint.Kind = ConstraintKind.JsonObject);

        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.Equal("{\"whole\":1}", sink.Text);
    }

    [Fact]
    public async Task A_call_over_its_budget_is_refused_with_the_cap_named_and_calls_nobody()
    {
        var adapter = FakeAdapter.Saying("a", "hi");
        var budgets = new BudgetsOptions { Caps = [new CapOptions { Scope = BudgetScope.User, Name = "system", Period = BudgetPeriod.Day, Usd = 0.001m }] };
        var test = new TestPipeline([adapter], budgets: budgets, prices: TenAndTwenty);
        var outcome = await test.RunAsync(new CollectingSink());

        Assert.Equal("user:system per day", outcome.RefusedByBudget);
        Assert.Contains("$0.001", outcome.Error.Message, StringComparison.Ordinal);
        Assert.Equal(0, adapter.Calls);
        Assert.Equal(0, outcome.Attempts);
    }

    [Fact]
    public async Task Restricted_data_never_leaves_the_box()
    {
        var outside = FakeAdapter.Saying("a", "out");
        var test = new TestPipeline([outside, FakeAdapter.Saying("here", "in", kind: "local")]);
        var outcome = await test.RunAsync(new CollectingSink(), call => call.DataClass = DataClass.Restricted);

        Assert.Equal("here/m", outcome.Candidate);
        Assert.Equal(0, outside.Calls);
    }

    [Fact]
    public async Task Internal_data_leaves_the_box_with_placeholders_and_the_reader_sees_the_values()
    {
        var seen = "";
        var echo = new FakeAdapter("a", async (request, sink, _) =>
        {
            seen = request.Turns.PartsOf(0)[0].Text.ToString();
            return await FakeAdapter.SayAsync(sink, "You said: " + seen);
        });
        var test = new TestPipeline([echo]);
        var sink = new CollectingSink();
        var call = TestPipeline.Call(c => c.DataClass = DataClass.Internal);
        call.Request.Turns.Reset();
        call.Request.Turns.Add(TurnRole.User, call.Request.Text.Copy("write to bob@example.com"));
        var outcome = await test.Pipeline.RunAsync(call, sink, TestContext.Current.CancellationToken);

        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.DoesNotContain("bob@example.com", seen, StringComparison.Ordinal);
        Assert.Equal("You said: write to bob@example.com", sink.Text);
        Assert.Equal("write to bob@example.com", call.Request.Turns.PartsOf(0)[0].Text.ToString());
    }

    [Fact]
    public async Task A_cancelled_call_is_settled_and_recorded_all_the_same()
    {
        using var cancel = new CancellationTokenSource();
        var slow = new FakeAdapter("a", async (_, _, token) =>
        {
            await cancel.CancelAsync();
            await Task.Delay(Timeout.Infinite, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return new CallResult { Error = new ModelError(ErrorCause.Cancelled, "cancelled"), Quality = UsageQuality.Estimated };
        });
        var test = new TestPipeline([slow], prices: TenAndTwenty);
        var outcome = await test.RunAsync(new CollectingSink(), cancel: cancel.Token);

        Assert.Equal(ErrorCause.Cancelled, outcome.Error.Cause);
        Assert.Equal(UsageQuality.Estimated, outcome.Quality);
        Assert.Equal((10 * 10) + (100 * 20), outcome.CostMicroUsd);
        Assert.Equal(2, test.Journal.Records.Count);
    }

    [Fact]
    public async Task A_reader_that_went_away_ends_the_call_as_cancelled()
    {
        var test = new TestPipeline([FakeAdapter.Saying("a", "hi")]);
        var outcome = await test.RunAsync(new CollectingSink { OnWrite = _ => throw new IOException("gone") });
        Assert.Equal(ErrorCause.Cancelled, outcome.Error.Cause);
    }

    [Fact]
    public async Task An_adapter_that_throws_costs_an_attempt_and_not_the_appliance()
    {
        var broken = new FakeAdapter("a", (_, _, _) => throw new InvalidOperationException("broken"));
        var test = new TestPipeline([broken, FakeAdapter.Saying("b", "from b")]);
        var outcome = await test.RunAsync(new CollectingSink());
        Assert.Equal("b/m", outcome.Candidate);
    }

    [Fact]
    public async Task A_principal_without_the_role_is_not_admitted()
    {
        var test = new TestPipeline([FakeAdapter.Saying("a", "hi")]);
        var outcome = await test.RunAsync(new CollectingSink(), call => call.Principal = Principal.System with { Roles = Roles.Runs });
        Assert.Equal(ErrorCause.Unauthorized, outcome.Error.Cause);
        Assert.Equal(0, outcome.Attempts);
    }

    [Fact]
    public async Task An_unknown_model_is_named_in_the_error()
    {
        var test = new TestPipeline([FakeAdapter.Saying("a", "hi")]);
        var outcome = await test.RunAsync(new CollectingSink(), call => call.RouteName = "nope");
        Assert.Equal(ErrorCause.ModelNotFound, outcome.Error.Cause);
        Assert.Contains("'nope'", outcome.Error.Message, StringComparison.Ordinal);
    }
}
