using System.Text;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Federation.Calls;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Appliance.Tests.Federation.Membership;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Inference.Contract;
using Jesus.Tests.Memory;
using Jesus.Tests.Nats;
using Jesus.Transport.Buffers;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Tests.Federation.Calls;

/// <summary>Calls between boxes over a real nats-server.</summary>
public sealed class PeerCallTests
{
    private static readonly NumericsProfile Numerics = new(7, 8, 1, 2);
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_peers_answer_is_the_local_one_event_by_event_and_its_usage_too()
    {
        await using var server = await StartAsync();
        await using var b = CallBox.Start("b", server.Url, CallBox.Engine(RichAsync, Numerics), Local());
        await using var a = CallBox.Start("a", server.Url);
        await a.SeesAsync(b);
        var (here, there) = (new EventLog(), new EventLog());
        var local = await b.AskAsync(here, call => call.Request.Streams = true);
        var remote = await a.AskAsync(there, call => call.Request.Streams = true);
        Assert.True(remote.Succeeded, remote.Error.Message);
        Assert.Equal(here.Events, there.Events);
        Assert.Equal(7, there.Events.Count);
        Assert.Equal((local.Usage, local.Reason, UsageQuality.Exact), (remote.Usage, remote.Reason, remote.Quality));
        Assert.Equal(CallBox.PeerName, remote.Candidate);
        var (who, route, _) = Assert.Single(b.Asked);
        Assert.Equal(("peer:a", PrincipalKind.Peer, "local/m"), (who.Id, who.Kind, route));
        Assert.Equal((0, 0), (a.Caller.Calls, b.Server.Calls));
        Assert.Empty(a.Box.Log.At(LogLevel.Error).Concat(b.Box.Log.At(LogLevel.Error)));
    }

    [Theory]
    [InlineData(ModelOperation.Embed)]
    [InlineData(ModelOperation.Rerank)]
    [InlineData(ModelOperation.CountTokens)]
    public async Task Every_operation_works_at_a_peer(ModelOperation operation)
    {
        await using var server = await StartAsync();
        var texts = 0;
        await using var b = CallBox.Start("b", server.Url, CallBox.Engine(async (request, sink, _) =>
        {
            texts = request.Operation == operation ? request.Inputs.Count : -1;
            for (var i = 0; i < texts && operation != ModelOperation.CountTokens; i++)
            {
                await sink.WriteAsync(new ModelEvent { Kind = EventKind.Vector, Index = i, Vector = new[] { 0.5f, i } });
            }

            return new CallResult { Reason = FinishReason.Stop, Usage = new Usage { InputTokens = 42 } };
        }), Local());
        await using var a = CallBox.Start("a", server.Url);
        await a.SeesAsync(b);
        var log = new EventLog();
        var outcome = await a.AskAsync(log, call =>
        {
            call.Request.Operation = operation;
            call.Request.Inputs.Add(call.Request.Text.Copy("one"));
            call.Request.Inputs.Add(call.Request.Text.Copy("two"));
        });
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.Equal((42, 2), (outcome.Usage.InputTokens, texts));
        Assert.Equal(operation == ModelOperation.CountTokens ? 0 : 2, log.Events.Count(e => e.StartsWith("Vector", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_request_of_three_megabytes_goes_in_pieces_and_arrives_whole()
    {
        await using var server = await StartAsync();
        var seen = "";
        await using var b = CallBox.Start("b", server.Url, CallBox.Engine((request, sink, _) =>
        {
            seen = request.Turns.PartsOf(0)[0].Text.ToString();
            return FakeAdapter.SayAsync(sink, new string('x', 300_000));
        }), Local());
        b.Box.Models = [Statuses.Model("m") with { ContextTokens = 0 }];
        await using var a = CallBox.Start("a", server.Url);
        await a.SeesAsync(b);
        await a.Box.SeesAsync("b", view => view.Models is [{ ContextTokens: 0 }]);
        var text = string.Concat(Enumerable.Range(0, 300_000).Select(i => $"{i:x10}"));
        var sink = new CollectingSink();
        var outcome = await a.AskAsync(sink, call =>
        {
            call.Request.Turns.Reset();
            call.Request.Turns.Add(TurnRole.User, call.Request.Text.Copy(text));
        });
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.True(seen == text, $"{seen.Length} of {text.Length}");
        Assert.Equal(300_000, sink.Text.Length);
    }

    [Fact]
    public async Task A_slow_client_slows_the_peers_engine_instead_of_filling_memory()
    {
        await using var server = await StartAsync();
        var (written, total) = (0, 2_000);
        await using var b = CallBox.Start("b", server.Url, CallBox.Engine(async (_, sink, _) =>
        {
            for (; written < total; written++)
            {
                await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = Encoding.ASCII.GetBytes("" + (char)('a' + (written % 26))) });
            }

            return new CallResult { Reason = FinishReason.Stop, Usage = new Usage { InputTokens = 1, OutputTokens = total } };
        }), Local());
        await using var a = CallBox.Start("a", server.Url);
        await a.SeesAsync(b);
        var gate = new TaskCompletionSource();
        var sink = new CollectingSink { OnWrite = _ => new ValueTask(gate.Task) };
        var asking = a.AskAsync(sink).AsTask();
        await TestBox.EventuallyAsync(() => written >= CallLimits.Default.Window / 2, () => $"{written} events");
        for (var before = -1; before != written; await Task.Delay(1_000, Cancel))
        {
            before = written;
        }

        Assert.InRange(written, CallLimits.Default.Window / 2, 2 * CallLimits.Default.Window);
        Assert.Single(sink.Kinds);
        gate.SetResult();
        var outcome = await asking;
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.Equal(string.Concat(Enumerable.Range(0, total).Select(i => (char)('a' + (i % 26)))), sink.Text);
    }

    [Fact]
    public async Task A_caller_that_cancels_and_a_deadline_that_passes_end_the_call_there()
    {
        await using var server = await StartAsync();
        var (begun, ended) = (0, 0);
        await using var b = CallBox.Start("b", server.Url, CallBox.Engine(async (_, sink, cancel) =>
        {
            begun++;
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "x"u8.ToArray() });
            await Task.Delay(Timeout.Infinite, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ended++;
            return CallResult.Failed(ErrorCause.Cancelled, "cancelled");
        }), Local());
        await using var a = CallBox.Start("a", server.Url);
        await a.SeesAsync(b);
        using var left = new CancellationTokenSource();
        var asking = a.AskAsync(new CollectingSink(), cancel: left.Token).AsTask();
        await TestBox.EventuallyAsync(() => begun == 1, () => "not begun");
        await left.CancelAsync();
        Assert.Equal(ErrorCause.Cancelled, (await asking).Error.Cause);
        await TestBox.EventuallyAsync(() => ended == 1 && b.Server.Calls == 0, () => "not cancelled there");

        var late = await a.AskAsync(new CollectingSink(), call => call.Request.Deadline = Deadline.After(TimeProvider.System, TimeSpan.FromSeconds(2)));

        // Both boxes keep the deadline: this one says that the answer stalled, unless the other was quicker to say that it let go.
        Assert.True(late.Error.Cause is ErrorCause.Stalled or ErrorCause.Cancelled, late.Error.ToString());
        await TestBox.EventuallyAsync(() => ended == begun && b.Server.Calls == 0, () => "not ended there");
    }

    [Fact]
    public async Task Each_refusal_leads_to_the_next_candidate()
    {
        await using var server = await StartAsync();
        await using var b = CallBox.Start("b", server.Url, CallBox.Engine((_, sink, _) => FakeAdapter.SayAsync(sink, "b")), Local(), shape: o => o with
        {
            Callers = new Dictionary<string, PeerCallerOptions>
            {
                ["a"] = new(),
                ["loop"] = new(),
            }
        });
        var own = CallBox.Engine((_, sink, _) => FakeAdapter.SayAsync(sink, "own"));
        var chain = CallBox.Peers(new RouteCandidateOptions("local", "m"));
        chain = chain with { Candidates = [chain.Candidates[0] with { Peer = "b" }, chain.Candidates[1]] };
        await using var a = CallBox.Start("a", server.Url, own, chain);
        await using var stranger = CallBox.Start("stranger", server.Url, own, chain);
        await a.SeesAsync(b);
        await stranger.Box.SeesAsync("b", view => view.IsEligible);

        async Task<(string Text, ErrorCause[] Causes)> AskAsync(CallBox box)
        {
            var (sink, call) = (new CollectingSink(), TestPipeline.Call());
            Assert.True((await box.Test.Pipeline.RunAsync(call, sink, Cancel)).Succeeded);
            return (sink.Text, [.. call.Decisions.Items.Where(d => d.Verdict == "failed" && d.Candidate == CallBox.PeerName).Select(d => d.Cause)]);
        }

        Assert.Equal("b", (await AskAsync(a)).Text);
        var refused = await AskAsync(stranger);
        Assert.Equal(("own", ErrorCause.Unauthorized), (refused.Text, Assert.Single(refused.Causes)));
        Assert.Contains(b.Box.Log.At(LogLevel.Warning), l => l.Contains("stranger", StringComparison.Ordinal) && l.Contains("federation.callers", StringComparison.Ordinal));

        // What the callee finds is what counts, whatever its last status said.
        var models = b.Box.Models;
        b.Box.Models = [models[0] with { FreeSlots = 0, InteractiveDelayMs = 60_000 }];
        var busy = await AskAsync(a);
        Assert.Equal(("own", ErrorCause.RateLimited), (busy.Text, Assert.Single(busy.Causes)));
        b.Box.Models = models;
        b.Server.Drain();
        await RestedAsync(a);
        var draining = await AskAsync(a);
        Assert.Equal(("own", ErrorCause.Draining), (draining.Text, Assert.Single(draining.Causes)));
    }

    /// <summary>A peer that was busy is asked again after a moment.</summary>
    private static Task RestedAsync(CallBox box) => TestBox.EventuallyAsync(
        () =>
        {
            var list = new CandidateList();
            _ = box.Candidates.Expand(new SourceAsk("b", "m", new ModelRequest(), Now(), 1), list, 0);
            return list.Count == 1 && !list[0].Health.Rests(Now());
        },
        () => "it rests for ever");

    private static long Now() => (long)TimeProvider.System.GetElapsedTime(0).TotalMilliseconds;

    [Fact]
    public async Task A_call_goes_in_no_circle_and_through_no_more_boxes_than_it_may()
    {
        await using var server = await StartAsync();
        static FederationOptions Far(FederationOptions o) => o with { MaxHops = 4 };

        // Each has the model only through peers: without the rule this goes round for ever.
        await using var a = CallBox.Start("a", server.Url, null, shape: Far);
        await using var b = CallBox.Start("b", server.Url, null, shape: Far);
        a.Box.Models = b.Box.Models = [Statuses.Model("r")];
        await a.SeesAsync(b);
        static void Name(Appliance.Pipeline.ModelCall call) => call.RouteName = "r";
        var outcome = await a.AskAsync(new CollectingSink(), Name);
        Assert.False(outcome.Succeeded);
        await TestBox.EventuallyAsync(() => a.Server.Calls + b.Server.Calls + a.Caller.Calls + b.Caller.Calls == 0, () => "still going");
        Assert.True(a.Asked.Count == 0, "the call came back to its beginning");
    }

    [Fact]
    public async Task A_forged_caller_a_foreign_inbox_and_nonsense_change_nothing_and_are_logged_once()
    {
        await using var server = await StartAsync();
        await using var b = CallBox.Start("b", server.Url, CallBox.Engine((_, sink, _) => FakeAdapter.SayAsync(sink, "b")), Local());
        await using var a = CallBox.Start("a", server.Url);
        await a.SeesAsync(b);
        await using var raw = await RawNats.ConnectAsync(server.Port);
        for (var i = 0; i < 50; i++)
        {
            await raw.PublishAsync("jesus.lab.peer.b.infer.evil", "nonsense", "jesus.lab.peer.b.status");
            await raw.PublishAsync("jesus.lab.peer.b.infer.a", "nonsense", "_INBOX.jesus.evil.1");
            await raw.PublishAsync("jesus.lab.peer.b.infer.evil", "nonsense", "_INBOX.jesus.evil.1");
            await raw.PublishAsync("jesus.lab.peer.b.credit.a", "nonsense");
            await raw.PublishAsync("jesus.lab.peer.b.cancel.a", "nonsense");
        }

        await raw.FlushAsync();
        await TestBox.EventuallyAsync(() => b.Box.Log.At(LogLevel.Warning).Count() >= 3, () => string.Join('\n', b.Box.Log.At(LogLevel.Warning)));
        var outcome = await a.AskAsync(new CollectingSink());
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.Single(b.Asked);
        Assert.InRange(b.Box.Log.At(LogLevel.Warning).Count(l => l.Contains("evil", StringComparison.Ordinal)), 1, 3);
        Assert.Empty(b.Box.Log.At(LogLevel.Error));
    }

    [Theory]
    [InlineData("callers connection")]
    [InlineData("callee")]
    [InlineData("server")]
    public async Task What_is_lost_in_the_middle_ends_as_cut_and_the_other_side_lets_go(string what)
    {
        await using var server = await StartAsync();
        await using var proxy = FaultProxy.To(server.Port);
        var ended = 0;
        await using var b = CallBox.Start("b", server.Url, CallBox.Engine(async (_, sink, cancel) =>
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "x"u8.ToArray(), Tokens = new TokenSpan(new[] { 1 }, default) });
            await Task.Delay(Timeout.Infinite, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Interlocked.Increment(ref ended);
            return CallResult.Failed(ErrorCause.Cancelled, "cancelled");
        }), Local());
        await using var a = CallBox.Start("a", server.UrlOf(proxy.Port));
        await a.SeesAsync(b);
        var sink = new CollectingSink();
        var asking = a.AskAsync(sink).AsTask();
        await TestBox.EventuallyAsync(() => sink.Text == "x", () => "not begun");
        switch (what)
        {
            case "callee":
                await b.Box.Hub.Nats.DisposeAsync();
                break;
            case "server":
                await server.KillAsync();
                break;
            default:
                proxy.Partition();
                break;
        }

        var outcome = await asking;
        Assert.Equal((ErrorCause.Cut, UsageQuality.Estimated), (outcome.Error.Cause, outcome.Quality));
        Assert.Equal(1, outcome.Usage.OutputTokens);
        await TestBox.EventuallyAsync(() => ended == 1, () => "the callee still works for nobody");
    }

    [Theory]
    [InlineData(900_000)]
    [InlineData(-1)]
    public async Task A_peer_that_reads_a_long_prompt_is_told_as_working_for_so_long_as_that_may_take(int workingMs)
    {
        await using var server = await StartAsync();
        var limits = new CallLimits { VanishedMs = 30_000, BeatMs = 20, LookMs = 10, WorkingMs = workingMs };
        var prompt = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var b = CallBox.Start("b", server.Url, CallBox.Engine(async (_, sink, _) =>
        {
            await prompt.Task;
            return await FakeAdapter.SayAsync(sink, "read");
        }), Local(), limits: limits);
        await using var a = CallBox.Start("a", server.Url, limits: limits);
        await a.SeesAsync(b);
        var request = new ModelRequest { Model = new Utf8Slice("m"u8.ToArray()) };
        request.Turns.Add(TurnRole.User, request.Text.Copy("a long prompt"));
        var log = new EventLog();
        var asking = new PeerAdapter(new PeerLink("b", "m"), a.Caller).CallAsync(request, log, Cancel).AsTask();
        var before = b.Box.Hub.Nats.Statistics.MessagesOut;
        await TestBox.EventuallyAsync(() => b.Box.Hub.Nats.Statistics.MessagesOut > before + 20 && (workingMs < 0 || log.Events.Count >= 3),
            () => $"no beats; {(asking.IsCompleted ? asking.Result.Error : "")} {b.Box.Hub.Nats.Statistics.MessagesOut - before} {string.Join(';', log.Events)}");
        prompt.SetResult();
        Assert.True((await asking).Error.IsNone);
        var works = log.Events.Count(e => e.StartsWith("Working", StringComparison.Ordinal));
        Assert.True(workingMs < 0 ? works == 0 : works >= 3, $"{works} times");
        Assert.Contains(log.Events, e => e.Contains("'read'", StringComparison.Ordinal));
    }

    /// <summary>A model that a call has loaded is hashed while it answers: its status knows no arithmetic, nor does the first event.</summary>
    [Fact]
    public async Task A_box_that_learns_its_arithmetic_while_it_answers_is_rescued_like_one_that_knew()
    {
        await using var server = await StartAsync();
        FakeAdapter? engine = null;
        engine = CallBox.Engine(async (_, sink, cancel) =>
        {
            engine!.Numerics = Numerics;
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "one"u8.ToArray(), Tokens = new TokenSpan(new[] { 1 }, default) });
            await Task.Delay(Timeout.Infinite, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return CallResult.Failed(ErrorCause.Cancelled, "cancelled");
        });
        await using var b = CallBox.Start("b", server.Url, engine, Local());
        await using var c = CallBox.Start("c", server.Url, CallBox.Engine((request, sink, _) => FakeAdapter.SayAsync(sink, request.ShownTokens.Length == 1 ? " two" : "other"), Numerics), Local());
        var chain = CallBox.Peers() with
        {
            Candidates = [new RouteCandidateOptions("", "m") { Peer = "b" }, new RouteCandidateOptions("", "m") { Peer = "c" }],
        };
        await using var a = CallBox.Start("a", server.Url, route: chain);
        await a.SeesAsync(b, c);
        var sink = new CollectingSink();
        var asking = a.AskAsync(sink).AsTask();
        await TestBox.EventuallyAsync(() => sink.Text == "one", () => "not begun");
        await b.Box.Hub.Nats.DisposeAsync();
        var outcome = await asking;
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.Equal("one two", sink.Text);
    }

    [Fact]
    public async Task A_model_that_only_a_peer_has_is_answered_by_it_and_restricted_data_stays_here()
    {
        await using var server = await StartAsync();
        await using var b = CallBox.Start("b", server.Url, CallBox.Engine((_, sink, _) => FakeAdapter.SayAsync(sink, "b")), Local());
        await using var a = CallBox.Start("a", server.Url);
        await using var trusting = CallBox.Start("t", server.Url, shape: o => o with { Trusted = true });
        await a.SeesAsync(b);
        await trusting.SeesAsync(b);
        await a.Box.SeesAsync("t", view => view.State == PeerState.Alive);
        var sink = new CollectingSink();
        Assert.True((await a.AskAsync(sink, call => call.RouteName = "m")).Succeeded);
        Assert.Equal("b", sink.Text);
        Assert.Equal(ErrorCause.ModelNotFound, (await a.AskAsync(sink, call => call.RouteName = "nobody's")).Error.Cause);
        Assert.Equal(ErrorCause.Refused, (await a.AskAsync(sink, call => call.DataClass = DataClass.Restricted)).Error.Cause);
        Assert.True((await trusting.AskAsync(sink, call => call.DataClass = DataClass.Restricted)).Succeeded);
        Assert.Equal(DataClass.Restricted, b.Asked[^1].Data);
        Assert.Equal("m", Assert.Single(a.Candidates.Models()).Model.Name);

        var explained = a.Test.Pipeline.Explain(TestPipeline.Call());
        var peer = explained.Peers.Single(p => p.Peer == "b");
        Assert.Equal((1, "m"), (peer.Place, peer.Model));
        Assert.Contains("does not offer", explained.Peers.Single(p => p.Peer == "t").Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_choice_of_a_peer_allocates_nothing()
    {
        await using var server = await StartAsync();
        await using var b = CallBox.Start("b", server.Url, CallBox.Engine((_, sink, _) => FakeAdapter.SayAsync(sink, "b")), Local());
        await using var a = CallBox.Start("a", server.Url);
        await a.SeesAsync(b);
        Choose(a, 100);
        Assert.Equal(0, Allocation.LeastOf(() => Choose(a, 1_000)));
    }

    private static void Choose(CallBox box, int times)
    {
        s_request.Turns.Reset();
        s_request.Turns.Add(TurnRole.User, new Transport.Buffers.Utf8Slice(s_text));
        for (var i = 0; i < times; i++)
        {
            s_list.Clear();
            Assert.True(box.Candidates.Expand(new SourceAsk("*", "m", s_request, 1, (ulong)i), s_list, 0).IsNone);
        }
    }

    private static readonly ModelRequest s_request = new();
    private static readonly CandidateList s_list = new();
    private static readonly byte[] s_text = new byte[4_000];

    private static async Task<NatsServer> StartAsync()
    {
        Assert.SkipUnless(NatsServer.WhyMissing is null, NatsServer.WhyMissing ?? "");
        return await NatsServer.StartAsync();
    }

    private static RouteOptions Local() => new() { Candidates = [new RouteCandidateOptions("local", "m")], FirstTokenTimeoutMs = 60_000, StallTimeoutMs = 60_000, Retries = 0 };

    /// <summary>Something of every kind.</summary>
    private static async ValueTask<CallResult> RichAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Started });
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Reasoning, Utf8 = "well"u8.ToArray(), Tokens = new TokenSpan(new[] { 1 }, new[] { -0.5f }) });
        await sink.WriteAsync(new ModelEvent
        {
            Kind = EventKind.Text,
            Utf8 = "grüß"u8.ToArray(),
            Tokens = new TokenSpan(new[] { 2, 3 }, default),
            LogProbs = new[] { new TokenLogProb("gr"u8.ToArray(), -1, 1), new TokenLogProb("x"u8.ToArray(), -2) },
        });
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Choice = 1, Utf8 = " Gott"u8.ToArray() });
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.ToolCallStart, Index = 0, Utf8 = "look"u8.ToArray(), ToolCallId = "id1"u8.ToArray() });
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.ToolCallArguments, Utf8 = "{}"u8.ToArray() });
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Finished, Reason = FinishReason.ToolCalls });
        return new CallResult { Reason = FinishReason.ToolCalls, Usage = new Usage { InputTokens = 11, OutputTokens = 5 }, Numerics = Numerics };
    }
}
