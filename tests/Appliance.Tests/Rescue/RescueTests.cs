using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Rescue;

/// <summary>What a client reads when the box that answers dies in the middle: real engines, the real path of a call, the real APIs over sockets.</summary>
public sealed class RescueTests(NanoBoxes boxes, ITestOutputHelper output) : IClassFixture<NanoBoxes>
{
    private const int CutsEach = 6;

    public static TheoryData<int> Asks => [.. Enumerable.Range(0, Ask.All.Length)];

    [Theory]
    [MemberData(nameof(Asks))]
    public async Task A_stream_whose_box_dies_anywhere_is_byte_for_byte_that_of_one_that_lived(int index)
    {
        var ask = Ask.All[index];
        var dice = RescueRig.Dice(output);
        await using var rig = await RescueRig.StartAsync(boxes.One, boxes.Two);
        var whole = await ask.SendAsync(rig.Gateway, stream: true);
        var pieces = rig.One.Pieces;
        Assert.StartsWith("200\n", whole, StringComparison.Ordinal);
        Assert.True(pieces > 3, $"{ask}: {pieces} pieces are too few to be cut");
        Assert.Equal(whole, await ask.SendAsync(rig.Gateway, stream: true));
        for (var cut = 0; cut < CutsEach; cut++)
        {
            var after = cut == 0 ? pieces : dice.Next(1, pieces);
            rig.One.Die(after);
            rig.Two.Die();
            var answer = await ask.SendAsync(rig.Gateway, stream: true);
            Assert.True(whole == answer, $"{ask}, cut after {after} of {pieces}:\n{answer}\ninstead of\n{whole}");
            Assert.Equal(1, rig.Two.Shown.Count(shown => shown > 0 || after < 3));
            rig.Rest();
            var usage = rig.Outcome.Usage;
            Assert.InRange(usage.CachedInputTokens, 0, usage.InputTokens);
            Assert.Equal(rig.Whole.Usage, usage with { ComputeMicroseconds = rig.Whole.Usage.ComputeMicroseconds, CachedInputTokens = rig.Whole.Usage.CachedInputTokens });
        }

        output.WriteLine($"{ask}: {CutsEach} cuts of {pieces} pieces");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(10)]
    public async Task So_is_an_answer_that_is_lost_several_times_and_one_that_is_not_streamed(int index)
    {
        var ask = Ask.All[index];
        var dice = RescueRig.Dice(output);
        await using var rig = await RescueRig.StartAsync(boxes.One, boxes.Two);
        foreach (var stream in new[] { true, false })
        {
            var whole = await ask.SendAsync(rig.Gateway, stream);
            var pieces = rig.One.Pieces;
            Assert.True(pieces > 4, $"{ask}: {pieces} pieces are too few to be cut twice");
            for (var cut = 0; cut < 3; cut++)
            {
                // Pieces after a rescue are counted from the first that comes again: a lost rescuer has shown something new, and more was to come.
                var first = dice.Next(1, Math.Min(4, pieces - 3));
                var second = dice.Next(3, Math.Min(6, pieces - first));
                rig.One.Die(first);
                rig.Two.Die(second);
                Assert.Equal(whole, await ask.SendAsync(rig.Gateway, stream));
                Assert.Equal(2, rig.One.Shown.Count);
                Assert.True(rig.One.Shown[1] > rig.Two.Shown[0], "the second rescue began before the first");
                Assert.Equal(3, rig.Outcome.Attempts);
                rig.Rest();
            }
        }
    }

    [Theory]
    [InlineData(ErrorCause.Cut)]
    [InlineData(ErrorCause.Stalled)]
    [InlineData(ErrorCause.ConnectFailed)]
    [InlineData(ErrorCause.Draining)]
    [InlineData(ErrorCause.Overloaded)]
    [InlineData(ErrorCause.Internal)]
    public async Task Any_failure_of_the_box_is_rescued_whether_or_not_it_says_what_it_used(ErrorCause cause)
    {
        await using var rig = await RescueRig.StartAsync(boxes.One, boxes.Two);
        var whole = await Ask.All[0].SendAsync(rig.Gateway, stream: true);
        (rig.One.Cause, rig.One.StatesUsage, rig.One.Throws) = (cause, cause != ErrorCause.Cut, cause == ErrorCause.Internal);
        rig.One.Die(7);
        Assert.Equal(whole, await Ask.All[0].SendAsync(rig.Gateway, stream: true));
        Assert.Equal(rig.Whole.Usage.OutputTokens, rig.Outcome.Usage.OutputTokens);
        Assert.Contains(rig.Decisions, decision => decision is { Candidate: "one/m", Verdict: "failed" } && decision.Cause == cause);
        Assert.Contains(rig.Decisions, decision => decision.Candidate == "one/m" && decision.Verdict.StartsWith("rescued by two/m after ", StringComparison.Ordinal));
        Assert.Equal(new Decision("two/m", DecisionLog.Answered), rig.Decisions[^1]);
    }

    [Fact]
    public async Task Without_ids_the_rescuer_draws_the_whole_answer_again_and_the_client_sees_none_of_it_twice()
    {
        await using var rig = await RescueRig.StartAsync(boxes.One, boxes.Two);
        var whole = await Ask.All[0].SendAsync(rig.Gateway, stream: true);
        rig.One.HidesIds = true;
        rig.One.Die(9);
        Assert.Equal(whole, await Ask.All[0].SendAsync(rig.Gateway, stream: true));
        Assert.Equal([0], rig.Two.Shown);
    }

    [Theory]
    [InlineData(0, "\"error\":{")]
    [InlineData(5, "event: error")]
    [InlineData(8, "event: response.failed")]
    public async Task An_answer_that_nobody_computes_alike_ends_with_the_apis_error_and_never_as_a_success(int index, string error)
    {
        await using var rig = await RescueRig.StartAsync(boxes.One, boxes.Other, new RouteOptions { Retries = 0 });
        var whole = await Ask.All[index].SendAsync(rig.Gateway, stream: true);
        rig.One.Die(5);
        var answer = await Ask.All[index].SendAsync(rig.Gateway, stream: true);
        Assert.StartsWith("200\n", answer, StringComparison.Ordinal);
        Assert.Contains(error, answer, StringComparison.Ordinal);
        Assert.DoesNotContain("[DONE]", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("message_stop", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("response.completed", answer, StringComparison.Ordinal);
        Assert.Equal((ErrorCause.Cut, true), (rig.Outcome.Error.Cause, rig.Outcome.Committed));
        Assert.Empty(rig.Two.Shown);
        Assert.NotEqual(whole, answer);
        Assert.Contains(new Decision("two/m", "passed over: computes otherwise"), rig.Decisions);
    }

    [Theory]
    [InlineData(0, "reasoning_content")]
    [InlineData(5, "thinking_delta")]
    [InlineData(8, "response.reasoning")]
    public async Task A_loss_in_the_middle_of_reasoning_or_between_it_and_the_text_leaves_no_mark(int index, string field)
    {
        await using var rig = await RescueRig.StartAsync(new ThinkingAdapter(), new ThinkingAdapter());
        var whole = await Ask.All[index].SendAsync(rig.Gateway, stream: true);
        Assert.Contains(field, whole, StringComparison.Ordinal);
        for (var after = 1; after <= rig.Whole.Usage.OutputTokens; after++)
        {
            rig.One.Die(after);
            rig.Two.Die();
            Assert.Equal(whole, await Ask.All[index].SendAsync(rig.Gateway, stream: true));
            Assert.Equal([after], rig.Two.Shown);
            rig.Rest();
        }
    }

    [Fact]
    public async Task An_answer_of_unknown_arithmetic_is_not_gone_on_with()
    {
        await using var rig = await RescueRig.StartAsync(boxes.One, boxes.Two, new RouteOptions { Retries = 0 });
        rig.One.HidesNumerics = true;
        rig.One.Die(5);
        Assert.Contains("\"error\":{", await Ask.All[0].SendAsync(rig.Gateway, stream: true), StringComparison.Ordinal);
        Assert.Empty(rig.Two.Shown);
    }

    [Fact]
    public async Task A_box_that_is_back_after_a_moment_goes_on_with_its_own_answer()
    {
        await using var rig = await RescueRig.StartAsync(boxes.One, boxes.Other);
        var whole = await Ask.All[0].SendAsync(rig.Gateway, stream: true);
        rig.One.Die(5);
        Assert.Equal(whole, await Ask.All[0].SendAsync(rig.Gateway, stream: true));
        Assert.Equal([0, 5], rig.One.Shown);
        Assert.Empty(rig.Two.Shown);
    }

    [Fact]
    public async Task A_rescuer_that_cannot_be_reached_or_fails_at_once_leaves_it_to_the_next()
    {
        await using var rig = await RescueRig.StartAsync(boxes.One, boxes.Two);
        var whole = await Ask.All[0].SendAsync(rig.Gateway, stream: true);
        rig.One.Die(5);
        rig.Two.Die(0);
        rig.Two.Cause = ErrorCause.RateLimited;
        Assert.Equal(whole, await Ask.All[0].SendAsync(rig.Gateway, stream: true));
        Assert.Equal([[0, 5], [5]], new[] { rig.One.Shown, rig.Two.Shown });
    }

    [Fact]
    public async Task An_answer_whose_rescuers_all_fail_ends_with_the_error_of_its_loss()
    {
        await using var rig = await RescueRig.StartAsync(boxes.One, boxes.Two, new RouteOptions { Retries = 0 });
        rig.One.Die(5);
        rig.Two.Die(0);
        (rig.One.Cause, rig.Two.Cause) = (ErrorCause.Draining, ErrorCause.Overloaded);
        var answer = await Ask.All[0].SendAsync(rig.Gateway, stream: true);
        Assert.Contains("\"error\":{", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("[DONE]", answer, StringComparison.Ordinal);
        Assert.Equal((ErrorCause.Draining, "one/m", 2), (rig.Outcome.Error.Cause, rig.Outcome.Candidate, rig.Outcome.Attempts));
    }

    [Fact]
    public async Task What_is_lost_before_anything_was_shown_is_answered_anew_by_anybody()
    {
        await using var rig = await RescueRig.StartAsync(boxes.One, boxes.Other, new RouteOptions { Retries = 0 });
        rig.One.Die(0);
        var answer = await Ask.All[0].SendAsync(rig.Gateway, stream: true);
        Assert.EndsWith("[DONE]\n\n", answer, StringComparison.Ordinal);
        Assert.Equal([0], rig.Two.Shown);
        Assert.DoesNotContain(rig.Decisions, decision => decision.Verdict.StartsWith("rescued", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_route_that_shows_only_whole_answers_falls_back_as_ever()
    {
        await using var rig = await RescueRig.StartAsync(boxes.One, boxes.Two, new RouteOptions { Commit = CommitPoint.Complete });
        var whole = await Ask.All[0].SendAsync(rig.Gateway, stream: true);
        rig.One.Die(9);
        Assert.Equal(whole, await Ask.All[0].SendAsync(rig.Gateway, stream: true));
        Assert.Equal([0], rig.Two.Shown);
    }

    [Fact]
    public async Task A_hedge_that_won_and_died_is_rescued_by_the_one_it_beat()
    {
        await using var rig = await RescueRig.StartAsync(boxes.One, boxes.Two, new RouteOptions { Hedge = new HedgeOptions { AfterMs = 1, MaxPercent = 100 } });
        var whole = await Ask.All[0].SendAsync(rig.Gateway, stream: true);
        rig.One.Delay = TimeSpan.FromSeconds(30);
        rig.One.Die();
        rig.Two.Die(8);
        _ = Task.Run(async () =>
        {
            while (rig.Two.Shown.Count == 0)
            {
                await Task.Delay(1);
            }

            rig.One.Delay = TimeSpan.Zero;
        });
        Assert.Equal(whole, await Ask.All[0].SendAsync(rig.Gateway, stream: true));
        Assert.Equal(2, rig.One.Shown.Count);
        Assert.True(rig.One.Shown[1] > 0, "the loser did not go on after what was shown");
    }

    [Fact]
    public async Task A_model_that_is_unloaded_in_the_middle_is_gone_on_with_by_a_peer_and_back()
    {
        var again = await boxes.LoadAsync(Inference.Engine.Backends.KvElementType.F16);
        var two = new MortalAdapter("two", boxes.Two);
        var test = new TestPipeline([again.Adapter, two]);
        var whole = new CollectingSink();
        Assert.True((await test.RunAsync(whole, Shape)).Succeeded);
        var pieces = 0;
        var sink = new CollectingSink
        {
            OnWrite = async item =>
            {
                if (++pieces == 6)
                {
                    Assert.Equal(1, (await again.Host.UnloadAsync(NanoBoxes.Model, TimeSpan.Zero)).CallsEnded);
                    two.Die(10);
                }
                else if (pieces == 10)
                {
                    Assert.True((await again.Host.LoadAsync(NanoBoxes.Model)).Succeeded);
                }
            },
        };
        var outcome = await test.RunAsync(sink, Shape);
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.Equal((3, whole.Text), (outcome.Attempts, sink.Text));

        static void Shape(ModelCall call)
        {
            // Long enough that the engine is far from its end when the reader is at the sixth piece.
            call.Request.MaxOutputTokens = 300;
            call.Request.Sampling = new Sampling { Temperature = 1.4f };
            call.Request.Constraint.Kind = ConstraintKind.JsonSchema;
            call.Request.Constraint.Source = call.Request.Text.Copy("""{"type":"string","minLength":2000}"""u8);
        }
    }

    [Fact]
    public async Task Each_box_is_paid_for_what_it_did_and_the_client_is_told_of_one_answer()
    {
        await using var rig = await RescueRig.StartAsync(boxes.One, boxes.Two);
        _ = await Ask.All[0].SendAsync(rig.Gateway, stream: true);
        var prompt = rig.Whole.Usage.InputTokens;
        rig.One.Die(12);
        _ = await Ask.All[0].SendAsync(rig.Gateway, stream: true);
        var shown = rig.Two.Shown[0];
        Assert.InRange(shown, 8, 16);
        Assert.Equal((prompt, rig.Whole.Usage.OutputTokens), (rig.Outcome.Usage.InputTokens, rig.Outcome.Usage.OutputTokens));

        // One micro-dollar a token at either: the prompt twice, what was shown read once more, and at least every token drawn.
        Assert.InRange(rig.Outcome.CostMicroUsd, (2 * prompt) + shown + rig.Whole.Usage.OutputTokens, (2 * prompt) + shown + rig.Whole.Usage.OutputTokens + 60);
        Assert.Equal(rig.Outcome.CostMicroUsd, rig.Test.Journal.Records.Where(r => r.Kind == JournalKind.Usage)
            .Select(r => System.Text.Json.JsonDocument.Parse(r.Payload).RootElement.GetProperty("usd_micro").GetInt64()).Last());
    }

    [Fact]
    public async Task A_caller_that_goes_away_is_not_rescued()
    {
        var alike = new NumericsProfile(1, 2, 3, 4);
        async ValueTask<CallResult> SayOneWordAsync(ModelRequest request, IAnswerSink sink, CancellationToken left)
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Started });
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "one "u8.ToArray(), Tokens = new TokenSpan(new[] { 1 }, default) });
            await Task.Delay(Timeout.Infinite, left).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return CallResult.Failed(ErrorCause.Cancelled, "cancelled") with { Numerics = alike };
        }

        var one = new FakeAdapter("one", SayOneWordAsync) { Numerics = alike };
        var two = new FakeAdapter("two", (_, sink, _) => FakeAdapter.SayAsync(sink, "two")) { Numerics = alike };
        var test = new TestPipeline([one, two]);
        using var cancel = new CancellationTokenSource();
        var sink = new CollectingSink { OnWrite = item => item.Kind == EventKind.Text ? new ValueTask(cancel.CancelAsync()) : default };
        var outcome = await test.RunAsync(sink, cancel: cancel.Token);
        Assert.Equal((ErrorCause.Cancelled, 1, 0), (outcome.Error.Cause, outcome.Attempts, two.Calls));
    }

    [Fact]
    public async Task A_request_to_go_on_with_anothers_answer_is_taken_only_by_who_computes_alike()
    {
        var cloud = FakeAdapter.Saying("cloud", "something else");
        var (one, other) = (new MortalAdapter("one", boxes.One), new MortalAdapter("other", boxes.Other));
        var numerics = boxes.One.Capacity(new ModelKey(NanoBoxes.Model)).Numerics;
        var whole = new CollectingSink();
        var ids = new List<int>();
        await new TestPipeline([one]).RunAsync(new CollectingSink { OnWrite = item => Keep(item.Tokens.Ids.ToArray()) });
        await new TestPipeline([one]).RunAsync(whole);
        var rest = new CollectingSink();
        var outcome = await new TestPipeline([cloud, other, one]).RunAsync(rest, GoOn);
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.True(rest.Text.Length > 0 && whole.Text.EndsWith(rest.Text, StringComparison.Ordinal), rest.Text);
        Assert.Equal(("one/m", 1), (outcome.Candidate, outcome.Attempts));
        outcome = await new TestPipeline([cloud, other]).RunAsync(new CollectingSink(), GoOn);
        Assert.Equal((ErrorCause.ModelNotFound, 0), (outcome.Error.Cause, outcome.Attempts));
        Assert.Equal(0, cloud.Calls);

        void GoOn(ModelCall call) => (call.Request.ShownTokens, call.Request.ShownNumerics) = (ids.Take(3).ToArray(), numerics);

        ValueTask Keep(int[] more)
        {
            ids.AddRange(more);
            return default;
        }
    }

    [Fact]
    public async Task Internal_data_that_left_the_box_redacted_is_not_gone_on_with_by_one_that_reads_it_plain()
    {
        var one = new MortalAdapter("one", boxes.One, kind: "peer");
        var two = new MortalAdapter("two", boxes.Two);
        var test = new TestPipeline([one, two]);
        one.Die(5);
        var outcome = await test.RunAsync(new CollectingSink(), call => call.DataClass = DataClass.Internal);
        Assert.Equal(ErrorCause.Cut, outcome.Error.Cause);
        Assert.Empty(two.Shown);
    }
}
