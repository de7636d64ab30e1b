using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Router;
using Jesus.Inference.Contract;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Pipeline;

[Collection(Alone.Name)]
public sealed class PipelineAllocationTests
{
    private static readonly byte[] Text = "hello there"u8.ToArray();
    private static readonly int[] Ids = [1, 2, 3];

    [Fact]
    public async Task A_call_through_the_nine_steps_allocates_next_to_nothing()
    {
        Alone.SkipUnlessOptimised(typeof(ModelPipeline));
        var test = new TestPipeline([new FakeAdapter("a", Answer)], journal: new NoJournal());
        var perCall = await MeasureAsync(test);
        TestContext.Current.TestOutputHelper?.WriteLine($"{perCall:F1} B a call");
        Assert.InRange(perCall, 0, 16);
    }

    [Theory]
    [InlineData(RoutePolicyKind.Weighted)]
    [InlineData(RoutePolicyKind.Cheapest)]
    [InlineData(RoutePolicyKind.Fastest)]
    [InlineData(RoutePolicyKind.LeastLoaded)]
    [InlineData(RoutePolicyKind.StickyPrefix)]
    public async Task So_does_one_on_a_route_with_any_policy_that_might_have_been_hedged(RoutePolicyKind policy)
    {
        Alone.SkipUnlessOptimised(typeof(ModelPipeline));
        var route = new RouteOptions { Policy = policy, Hedge = new HedgeOptions { AfterMs = 60_000 } };
        var test = new TestPipeline([new FakeAdapter("a", Answer), new FakeAdapter("b", Answer)], route, journal: new NoJournal());
        var perCall = await MeasureAsync(test);
        TestContext.Current.TestOutputHelper?.WriteLine($"{policy}: {perCall:F1} B a call");
        Assert.InRange(perCall, 0, 16);
    }

    [Fact]
    public async Task So_does_one_whose_tokens_are_kept_for_whoever_might_have_to_go_on_with_it()
    {
        Alone.SkipUnlessOptimised(typeof(ModelPipeline));
        var numerics = new NumericsProfile(1, 2, 3, 4);
        var test = new TestPipeline([new FakeAdapter("a", AnswerWithIds) { Numerics = numerics }, new FakeAdapter("b", AnswerWithIds) { Numerics = numerics }], journal: new NoJournal());
        var perCall = await MeasureAsync(test);
        TestContext.Current.TestOutputHelper?.WriteLine($"{perCall:F1} B a call");
        Assert.InRange(perCall, 0, 16);
    }

    /// <summary>
    /// Bytes a call. Everything here completes at once, so a call stays on its thread, and that thread's own count says what the call allocated whatever
    /// other tests left running.
    /// </summary>
    private static async Task<double> MeasureAsync(TestPipeline test)
    {
        var call = TestPipeline.Call();
        var sink = new NoSink();
        await RepeatAsync(test, call, sink, 500);
        var thread = Environment.CurrentManagedThreadId;
        var before = GC.GetAllocatedBytesForCurrentThread();
        await RepeatAsync(test, call, sink, 5_000);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(thread, Environment.CurrentManagedThreadId);
        return allocated / 5_000.0;
    }

    private static async Task RepeatAsync(TestPipeline test, ModelCall call, IAnswerSink sink, int times)
    {
        for (var i = 0; i < times; i++)
        {
            call.Decisions.Reset();
            var outcome = await test.Pipeline.RunAsync(call, sink, CancellationToken.None);
            Assert.True(outcome.Succeeded);
        }
    }

    private static ValueTask<CallResult> Answer(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
#pragma warning disable CA2012 // The sink completes at once, and an async method here would be measured with the rest.
        _ = sink.WriteAsync(new ModelEvent { Kind = EventKind.Started });
        _ = sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = Text });
        _ = sink.WriteAsync(new ModelEvent { Kind = EventKind.Finished, Reason = FinishReason.Stop });
#pragma warning restore CA2012
        return ValueTask.FromResult(new CallResult { Reason = FinishReason.Stop, Usage = new Usage { InputTokens = 10, OutputTokens = 2 } });
    }

    private static ValueTask<CallResult> AnswerWithIds(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        for (var i = 0; i < 100; i++)
        {
#pragma warning disable CA2012 // As above.
            _ = sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = Text, Tokens = new TokenSpan(Ids, default) });
#pragma warning restore CA2012
        }

        return Answer(request, sink, cancel);
    }

    private sealed class NoSink : IAnswerSink
    {
        public ValueTask WriteAsync(ModelEvent item) => ValueTask.CompletedTask;
    }
}
