using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Router;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pipeline;

public sealed class KeysTests
{
    [Theory]
    [InlineData(ErrorCause.RateLimited)]
    [InlineData(ErrorCause.Unauthorized)]
    public async Task A_key_that_is_at_its_limit_or_refused_leads_to_the_next_key(ErrorCause cause)
    {
        var test = new TestPipeline([FakeAdapter.Failing("a", cause), FakeAdapter.Saying("a", "second key"), FakeAdapter.Saying("b", "from b")]);
        var call = TestPipeline.Call();
        var sink = new CollectingSink();
        var outcome = await test.Pipeline.RunAsync(call, sink, TestContext.Current.CancellationToken);
        Assert.Equal(("second key", "a/m", 2), (sink.Text, outcome.Candidate, outcome.Attempts));
        Assert.Contains(call.Decisions.Items, d => d is { Candidate: "a/m#2", Verdict: "answered" });
    }

    [Fact]
    public async Task A_server_that_is_down_is_not_asked_again_under_its_other_keys()
    {
        var other = FakeAdapter.Saying("a", "second key");
        var test = new TestPipeline([FakeAdapter.Failing("a", ErrorCause.ConnectFailed), other, FakeAdapter.Saying("b", "from b")]);
        var sink = new CollectingSink();
        Assert.Equal(2, (await test.RunAsync(sink)).Attempts);
        Assert.Equal(("from b", 0), (sink.Text, other.Calls));
    }

    [Fact]
    public async Task A_key_in_its_pause_lets_the_others_answer_until_it_ends()
    {
        var first = FakeAdapter.Failing("a", ErrorCause.RateLimited, TimeSpan.FromMinutes(5));
        var test = new TestPipeline([first, FakeAdapter.Saying("a", "second key")]);
        for (var i = 0; i < 3; i++)
        {
            Assert.True((await test.RunAsync(new CollectingSink())).Succeeded);
        }

        Assert.Equal(1, first.Calls);
    }

    [Fact]
    public async Task Each_link_of_a_chain_has_its_own_causes()
    {
        var route = new RouteOptions
        {
            On = [ErrorCause.ConnectFailed],
            Candidates = [new RouteCandidateOptions("a", "m") { On = [ErrorCause.ContentPolicy] }, new RouteCandidateOptions("b", "m"), new RouteCandidateOptions("c", "m")],
        };
        var policy = new TestPipeline(
            [FakeAdapter.Failing("a", ErrorCause.ContentPolicy), FakeAdapter.Failing("b", ErrorCause.ContentPolicy), FakeAdapter.Saying("c", "")], route);
        var outcome = await policy.RunAsync(new CollectingSink());
        Assert.Equal((ErrorCause.ContentPolicy, 2), (outcome.Error.Cause, outcome.Attempts));

        var down = new TestPipeline([FakeAdapter.Failing("a", ErrorCause.ConnectFailed), FakeAdapter.Saying("b", ""), FakeAdapter.Saying("c", "")], route);
        outcome = await down.RunAsync(new CollectingSink());
        Assert.Equal((ErrorCause.ConnectFailed, 1), (outcome.Error.Cause, outcome.Attempts));
    }

    [Fact]
    public async Task A_held_back_answer_that_breaks_the_schema_leads_to_the_next_candidate()
    {
        var route = new RouteOptions { Commit = CommitPoint.Complete };
        var test = new TestPipeline([FakeAdapter.Saying("a", "{\"n\":\"one\"}"), FakeAdapter.Saying("b", "{\"n\":1}")], route);
        var call = TestPipeline.Call(c =>
        {
            c.Request.Constraint.Kind = ConstraintKind.JsonSchema;
            c.Request.Constraint.Source = c.Request.Text.Copy("""{"type":"object","properties":{"n":{"type":"integer"}}}""");
        });
        var sink = new CollectingSink();
        Assert.True((await test.Pipeline.RunAsync(call, sink, TestContext.Current.CancellationToken)).Succeeded);
        Assert.Equal("{\"n\":1}", sink.Text);
        Assert.Contains(call.Decisions.Items, d => d is { Candidate: "a/m", Cause: ErrorCause.SchemaViolated });
    }

    [Fact]
    public async Task A_misspelt_model_is_answered_with_the_nearest_names()
    {
        var outcome = await new TestPipeline([FakeAdapter.Saying("anthropic", "")]).RunAsync(new CollectingSink(), call => call.RouteName = "antropic/m");
        Assert.Contains("Did you mean 'anthropic/m'?", outcome.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_explanation_says_what_would_be_tried_and_calls_nobody()
    {
        var a = FakeAdapter.Saying("a", "");
        var test = new TestPipeline([a, FakeAdapter.Saying("here", "", kind: "local")]);
        test.Candidates[0].Health.Failed(ErrorCause.RateLimited, TimeSpan.FromMinutes(1), nowMs: 0);
        var explained = test.Pipeline.Explain(TestPipeline.Call(c => c.DataClass = Jesus.Appliance.Security.DataClass.Restricted));
        Assert.Equal(["here/m", "a/m"], explained.Candidates.Select(c => c.Name));
        Assert.Equal([1, 0], explained.Candidates.Select(c => c.Place));
        Assert.StartsWith("Restricted data may not go to 'a/m'", explained.Candidates[1].Why, StringComparison.Ordinal);
        Assert.Equal((10, 100, 0), (explained.Candidates[0].View.InputTokens, explained.Candidates[0].View.Bound.Usage.OutputTokens, a.Calls));
        Assert.Empty(test.Journal.Records);
    }

    [Fact]
    public void Waits_are_spread_by_the_dice_and_never_shorter_than_asked()
    {
        var waits = new HashSet<long>();
        for (var dice = 1UL; dice <= 200; dice++)
        {
            var chain = new AttemptChain();
            chain.Begin(1, 1, dice);
            chain.Failed(0, ErrorCause.ConnectFailed, fallsBack: true, 0, nowMs: 0);
            var wait = chain.Next(0, long.MaxValue).WaitMs;
            Assert.InRange(wait, AttemptChain.BackoffMs, 2 * AttemptChain.BackoffMs);
            waits.Add(wait);
        }

        Assert.True(waits.Count > 100, $"{waits.Count} different waits");
    }

    [Fact]
    public void A_copied_request_asks_the_same()
    {
        var request = TestPipeline.Call().Request;
        request.Tools.Add(new ToolDefinition(request.Text.Copy("t"), default, default));
        request.Stops.Add(request.Text.Copy("stop"));
        request.Inputs.Add(request.Text.Copy("input"));
        request.LogitBias.Add(new TokenBias(1, 2));
        request.Constraint.Kind = ConstraintKind.Regex;
        (request.Streams, request.VerbatimOnly, request.Choices, request.TopLogProbs, request.Priority, request.EmbedDimensions) = (true, "x", 3, 4, 5, 6);
        (request.ParallelToolCalls, request.Operation, request.BodyShape, request.Body) = (true, ModelOperation.Rerank, ApiShape.OpenAiChat, new byte[] { 1 });
        request.Reasoning = new ReasoningWish(ReasoningEffort.High);
        request.EndUser = request.Text.Copy("u");
        var copy = new ModelRequest();
        copy.CopyFrom(request);
        foreach (var property in typeof(ModelRequest).GetProperties().Where(p => p.CanWrite))
        {
            Assert.Equal(property.GetValue(request), property.GetValue(copy));
        }

        Assert.Equal((1, 1, 1, 1, 1), (copy.Tools.Count, copy.Stops.Count, copy.Inputs.Count, copy.LogitBias.Count, copy.Turns.Count));
        Assert.Equal(ConstraintKind.Regex, copy.Constraint.Kind);
    }
}
