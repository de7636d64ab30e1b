using System.Text;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Appliance.Storage.Journal;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pipeline;

/// <summary>Whole answers kept by a route and given again, through the pipeline.</summary>
public sealed class CacheStepTests
{
    private static readonly PricesOptions TenAndTwenty = new()
    {
        Prices = [new PriceOptions { Provider = "a", Model = "m", InputPerMillionTokens = 10, OutputPerMillionTokens = 20 }],
    };

    [Fact]
    public async Task A_question_asked_again_is_answered_with_the_same_events_at_no_cost()
    {
        var adapter = FakeAdapter.Saying("a", "hi there");
        var test = new TestPipeline([adapter], Caching(), prices: TenAndTwenty);
        var (first, second) = (new CollectingSink(), new CollectingSink());
        var paid = await RunAsync(test, first, _ => { }, CacheUse.Miss);
        var free = await RunAsync(test, second, _ => { }, CacheUse.Hit);

        Assert.Equal((first.Text, first.Finished), (second.Text, second.Finished));
        Assert.Equal(first.Kinds, second.Kinds);
        Assert.Equal((1, 1, 0), (adapter.Calls, paid.Attempts, free.Attempts));
        Assert.Equal((200, 0), (paid.CostMicroUsd, free.CostMicroUsd));
        Assert.Equal((paid.Usage, paid.Reason, "a/m"), (free.Usage, free.Reason, free.Candidate));
        Assert.Equal([JournalKind.Call, JournalKind.Usage, JournalKind.Call], test.Journal.Records.Select(r => r.Kind));
        Assert.Contains("from the cache", Encoding.UTF8.GetString(test.Journal.Records[2].Payload.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_budget_that_is_used_up_still_gives_what_was_answered_before()
    {
        var budgets = new BudgetsOptions { Caps = [new CapOptions { Scope = BudgetScope.User, Name = "system", Period = BudgetPeriod.Day, Tokens = 150 }] };
        var adapter = FakeAdapter.Saying("a", "hi", input: 10, output: 50);
        var test = new TestPipeline([adapter], Caching(), budgets);
        await RunAsync(test, new CollectingSink(), _ => { }, CacheUse.Miss);
        Assert.NotNull((await test.RunAsync(new CollectingSink(), call => call.Request.Stops.Add(call.Request.Text.Copy("x")))).RefusedByBudget);
        await RunAsync(test, new CollectingSink(), _ => { }, CacheUse.Hit);
    }

    [Fact]
    public async Task A_route_that_did_not_opt_in_keeps_nothing()
    {
        var adapter = FakeAdapter.Saying("a", "hi");
        var test = new TestPipeline([adapter]);
        await RunAsync(test, new CollectingSink(), _ => { }, CacheUse.None);
        await RunAsync(test, new CollectingSink(), _ => { }, CacheUse.None);
        Assert.Equal(2, adapter.Calls);
    }

    [Theory]
    [InlineData(CacheSharing.None, "bob", "t", "o", "", CacheUse.Miss)]
    [InlineData(CacheSharing.None, "ann", "t", "o", "", CacheUse.Hit)]
    [InlineData(CacheSharing.None, "ann", "t", "o", "end user", CacheUse.Miss)]
    [InlineData(CacheSharing.None, "ann", "t", "other", "", CacheUse.Miss)]
    [InlineData(CacheSharing.Team, "bob", "t", "o", "end user", CacheUse.Hit)]
    [InlineData(CacheSharing.Team, "bob", "other", "o", "", CacheUse.Miss)]
    [InlineData(CacheSharing.Team, "bob", "", "o", "", CacheUse.Miss)]
    [InlineData(CacheSharing.Organisation, "bob", "other", "o", "", CacheUse.Hit)]
    [InlineData(CacheSharing.Organisation, "bob", "t", "other", "", CacheUse.Miss)]
    [InlineData(CacheSharing.All, "bob", "other", "other", "", CacheUse.Hit)]
    public async Task Another_gets_the_answer_only_where_the_route_says_so(CacheSharing shared, string user, string team, string organisation, string endUser, CacheUse expected)
    {
        var test = new TestPipeline([FakeAdapter.Saying("a", "hi")], Caching(shared));
        await RunAsync(test, new CollectingSink(), call => call.Principal = Who("ann", "t", "o"), CacheUse.Miss);
        await RunAsync(
            test, new CollectingSink(), call =>
            {
                call.Principal = Who(user, team, organisation);
                call.Request.EndUser = call.Request.Text.Copy(endUser);
            },
            expected);
    }

    [Fact]
    public async Task Users_without_a_team_do_not_share_the_team_of_none()
    {
        var test = new TestPipeline([FakeAdapter.Saying("a", "hi")], Caching(CacheSharing.Team));
        await RunAsync(test, new CollectingSink(), call => call.Principal = Who("ann", "", "o"), CacheUse.Miss);
        await RunAsync(test, new CollectingSink(), call => call.Principal = Who("bob", "", "o"), CacheUse.Miss);
        await RunAsync(test, new CollectingSink(), call => call.Principal = Who("ann", "", "o"), CacheUse.Hit);
    }

    [Fact]
    public async Task No_answer_crosses_a_data_class()
    {
        var test = new TestPipeline([FakeAdapter.Saying("a", "hi", kind: "local")], Caching(CacheSharing.All));
        foreach (var data in new[] { DataClass.Restricted, DataClass.Internal, DataClass.Public })
        {
            await RunAsync(test, new CollectingSink(), call => call.DataClass = data, CacheUse.Miss);
        }

        await RunAsync(test, new CollectingSink(), call => call.DataClass = DataClass.Internal, CacheUse.Hit);
    }

    [Theory]
    [InlineData(FinishReason.Refusal)]
    [InlineData(FinishReason.ContentFilter)]
    [InlineData(FinishReason.Pause)]
    public async Task A_refusal_or_a_pause_is_not_given_to_the_next(FinishReason reason)
    {
        var adapter = new FakeAdapter("a", async (_, sink, _) =>
        {
            await FakeAdapter.SayAsync(sink, "no", reason: reason);
            return new CallResult { Reason = reason };
        });
        await NothingIsKeptAsync(adapter, succeeds: true);
    }

    [Fact]
    public async Task An_answer_that_was_cut_is_never_kept()
    {
        var adapter = new FakeAdapter("a", async (_, sink, _) =>
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "half an ans"u8.ToArray() });
            return CallResult.Failed(ErrorCause.Cut, "cut");
        });
        await NothingIsKeptAsync(adapter, succeeds: false);
    }

    [Fact]
    public async Task An_answer_whose_reader_left_is_never_kept()
    {
        var adapter = FakeAdapter.Saying("a", "hi");
        var test = new TestPipeline([adapter], Caching());
        var leaving = new CollectingSink { OnWrite = item => item.Kind == EventKind.Text ? throw new IOException("gone") : ValueTask.CompletedTask };
        await test.RunAsync(leaving);
        await RunAsync(test, new CollectingSink(), _ => { }, CacheUse.Miss);
        Assert.Equal(2, adapter.Calls);
    }

    [Fact]
    public async Task After_a_fallback_only_the_answer_that_was_given_is_kept()
    {
        var test = new TestPipeline([FakeAdapter.Failing("a", ErrorCause.Overloaded), FakeAdapter.Saying("b", "from b")], Caching());
        await RunAsync(test, new CollectingSink(), _ => { }, CacheUse.Miss);
        var sink = new CollectingSink();
        var outcome = await RunAsync(test, sink, _ => { }, CacheUse.Hit);
        Assert.Equal(("from b", "b/m"), (sink.Text, outcome.Candidate));
    }

    [Fact]
    public async Task An_answer_held_back_until_it_was_whole_is_kept()
    {
        var test = new TestPipeline([FakeAdapter.Saying("a", "{}")], Caching() with { Commit = CommitPoint.Complete });
        await RunAsync(test, new CollectingSink(), _ => { }, CacheUse.Miss);
        var sink = new CollectingSink();
        await RunAsync(test, sink, _ => { }, CacheUse.Hit);
        Assert.Equal("{}", sink.Text);
    }

    [Fact]
    public async Task A_caller_may_ask_for_a_new_answer_or_for_none_to_be_kept()
    {
        var said = 0;
        var adapter = new FakeAdapter("a", (_, sink, _) => FakeAdapter.SayAsync(sink, $"answer {++said}"));
        var test = new TestPipeline([adapter], Caching());
        Assert.Equal("answer 1", await TextAsync(test, CacheWish.Off, CacheUse.None));
        Assert.Equal("answer 2", await TextAsync(test, CacheWish.Use, CacheUse.Miss));
        Assert.Equal("answer 3", await TextAsync(test, CacheWish.Refresh, CacheUse.Miss));
        Assert.Equal("answer 3", await TextAsync(test, CacheWish.Use, CacheUse.Hit));
        Assert.Equal("answer 4", await TextAsync(test, CacheWish.Off, CacheUse.None));
    }

    [Fact]
    public async Task A_providers_own_bytes_go_again_only_to_a_caller_who_asks_in_the_same_bytes()
    {
        var adapter = new FakeAdapter("a", async (_, sink, _) =>
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Wire, Utf8 = "{own}"u8.ToArray(), Shape = ApiShape.AnthropicMessages, Wire = WirePart.Content });
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "hi"u8.ToArray(), InWire = true });
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Finished, Reason = FinishReason.Stop, InWire = true });
            return new CallResult { Reason = FinishReason.Stop };
        });
        var test = new TestPipeline([adapter], Caching());
        await RunAsync(test, new CollectingSink(), call => (call.Request.Body, call.Request.BodyShape) = ("{body}"u8.ToArray(), ApiShape.AnthropicMessages), CacheUse.Miss);
        var same = new CollectingSink();
        await RunAsync(test, same, call => (call.Request.Body, call.Request.BodyShape) = ("{body}"u8.ToArray(), ApiShape.AnthropicMessages), CacheUse.Hit);
        Assert.Equal([EventKind.Wire, EventKind.Text, EventKind.Finished], same.Kinds);
        var inWire = false;
        var other = new CollectingSink { OnWrite = item => Note(inWire |= item.InWire) };
        await RunAsync(test, other, call => (call.Request.Body, call.Request.BodyShape) = ("{other}"u8.ToArray(), ApiShape.AnthropicMessages), CacheUse.Hit);
        Assert.Equal([EventKind.Text, EventKind.Finished], other.Kinds);
        Assert.False(inWire);
    }

    [Fact]
    public async Task Many_who_ask_at_once_each_get_a_whole_answer()
    {
        var test = new TestPipeline([FakeAdapter.Saying("a", "hi there")], Caching());
        await Task.WhenAll(Enumerable.Range(0, 64).Select(i => Task.Run(async () =>
        {
            for (var again = 0; again < 20; again++)
            {
                var sink = new CollectingSink();
                var outcome = await test.RunAsync(sink, call => call.Request.MaxOutputTokens = 1 + (i % 7));
                Assert.True(outcome.Succeeded, outcome.Error.Message);
                Assert.Equal(("hi there", FinishReason.Stop), (sink.Text, sink.Finished));
            }
        })));
    }

    private static async Task NothingIsKeptAsync(FakeAdapter adapter, bool succeeds)
    {
        var test = new TestPipeline([adapter], Caching() with { Retries = 0 });
        for (var calls = 1; calls <= 2; calls++)
        {
            var call = TestPipeline.Call();
            var outcome = await test.Pipeline.RunAsync(call, new CollectingSink(), TestContext.Current.CancellationToken);
            Assert.Equal((succeeds, CacheUse.Miss, calls), (outcome.Succeeded, call.CacheUse, adapter.Calls));
        }
    }

    private static async Task<string> TextAsync(TestPipeline test, CacheWish wish, CacheUse expected)
    {
        var sink = new CollectingSink();
        await RunAsync(test, sink, call => call.CacheWish = wish, expected);
        return sink.Text;
    }

    private static async Task<Outcome> RunAsync(TestPipeline test, CollectingSink sink, Action<ModelCall> shape, CacheUse expected)
    {
        var call = TestPipeline.Call(shape);
        var outcome = await test.Pipeline.RunAsync(call, sink, TestContext.Current.CancellationToken);
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.Equal(expected, call.CacheUse);
        return outcome;
    }

    private static ValueTask Note(bool _) => ValueTask.CompletedTask;

    private static RouteOptions Caching(CacheSharing shared = CacheSharing.None) => new() { Cache = new RouteCacheOptions { TtlSeconds = 600, Shared = shared } };

    private static Principal Who(string user, string team, string organisation) => new($"key:{user}", PrincipalKind.ApiKey, user, team, organisation, Roles.Models);
}
