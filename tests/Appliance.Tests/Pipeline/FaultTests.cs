using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Inference.Adapters.OpenAiCompatible;
using Jesus.Inference.Contract;
using Jesus.Tests.Faults;
using Jesus.Transport.Http;

namespace Jesus.Appliance.Tests.Pipeline;

/// <summary>What each way of failing costs and where it leads: an upstream of ours that fails on demand, then a candidate that answers.</summary>
public sealed class FaultTests
{
    private const string Key = "sk-test-4711";
    private const string Hello = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"}}]}\n\n";
    private const string Stop = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private const string Used = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n";
    private const string Done = "data: [DONE]\n\n";

    /// <summary>Of a prompt of 37 tokens at most and an answer of 100, at a micro-dollar each.</summary>
    private const long Bound = 137;

    private static readonly Dictionary<string, Func<FaultConnection, Task>> Scripts = new()
    {
        ["slow first byte"] = c => c.StallAsync(),
        ["half a line, then cut"] = c => Events(c, false, "data: {\"choi"),
        ["error body with 200"] = c => c.RespondAsync("200 OK", "{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"slow down\"}}"),
        ["error event"] = c => Events(c, true, "data: {\"error\":{\"code\":503,\"message\":\"no capacity\"}}\n\n"),
        ["web page with 200"] = c => c.RespondAsync("200 OK", "<!DOCTYPE html><html>login</html>", "text/html"),
        ["no json with 200"] = c => c.RespondAsync("200 OK", "OK", "text/plain"),
        ["429 with header"] = c => c.RespondAsync("429 Too Many Requests", "{\"error\":{\"message\":\"later\"}}", headers: "retry-after: 7\r\n"),
        ["429 without header"] = c => c.RespondAsync("429 Too Many Requests", ""),
        ["529"] = c => c.RespondAsync("529 Overloaded", "{}"),
        ["500"] = c => c.RespondAsync("500 Oops", "broken"),
        ["401 that quotes the key"] = c => c.RespondAsync("401 Unauthorized", $"{{\"error\":{{\"message\":\"bad key {Key}\"}}}}"),
        ["404"] = c => c.RespondAsync("404 Not Found", "{\"detail\":\"no such model\"}"),
        ["context"] = c => c.RespondAsync("400 Bad Request", "{\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"too long\"}}"),
        ["reset after the request"] = c =>
        {
            c.Reset();
            return Task.CompletedTask;
        },
        ["closed after the request"] = _ => Task.CompletedTask,
        ["giant line"] = c => Events(c, true, "data: " + new string('x', 1_200_000)),
        ["finished without content or reason"] = c => Events(c, true, Done),
        ["stream without end"] = c => Events(c, true, ": nothing\n\n"),
        ["stall inside"] = async c =>
        {
            await Events(c, false, Hello);
            await c.StallAsync();
        },
        ["cut inside"] = c => Events(c, false, Hello),
        ["broken json inside"] = c => Events(c, true, Hello, "data: {\"choices\":[}\n\n"),
        ["endless"] = async c =>
        {
            await c.BeginEventsAsync();
            while (true)
            {
                await c.ChunkAsync(Hello);
            }
        },
    };

    [Theory]
    [InlineData("slow first byte", ErrorCause.FirstTokenTimeout, Bound)]
    [InlineData("half a line, then cut", ErrorCause.Cut, Bound)]
    [InlineData("error body with 200", ErrorCause.RateLimited, 0)]
    [InlineData("error event", ErrorCause.Overloaded, 0)]
    [InlineData("web page with 200", ErrorCause.Malformed, 0)]
    [InlineData("no json with 200", ErrorCause.Malformed, 0)]
    [InlineData("429 with header", ErrorCause.RateLimited, 0)]
    [InlineData("429 without header", ErrorCause.RateLimited, 0)]
    [InlineData("529", ErrorCause.Overloaded, 0)]
    [InlineData("500", ErrorCause.Internal, 0)]
    [InlineData("401 that quotes the key", ErrorCause.Unauthorized, 0)]
    [InlineData("404", ErrorCause.ModelNotFound, 0)]
    [InlineData("context", ErrorCause.ContextTooSmall, 0)]
    [InlineData("reset after the request", ErrorCause.Cut, Bound)]
    [InlineData("closed after the request", ErrorCause.Cut, Bound)]
    [InlineData("giant line", ErrorCause.Malformed, Bound)]
    [InlineData("finished without content or reason", ErrorCause.Malformed, Bound)]
    [InlineData("stream without end", ErrorCause.Cut, Bound)]
    public async Task A_failure_before_the_first_token_leads_to_the_next_candidate(string script, ErrorCause cause, long charged)
    {
        await using var server = new FaultServer(After(Scripts[script]));
        var (outcome, call, sink) = await RunAsync(server.Port, CommitPoint.FirstToken, script: script);
        AssertFellBack(outcome, call, sink, cause, charged);
    }

    // The limit is no assertion about speed: a stall that goes unnoticed would wait for the other, far longer limit.
    [Theory(Timeout = 45_000)]
    [InlineData("stall inside", ErrorCause.Stalled)]
    [InlineData("cut inside", ErrorCause.Cut)]
    [InlineData("broken json inside", ErrorCause.Malformed)]
    [InlineData("endless", ErrorCause.Malformed)]
    public async Task A_failure_after_the_first_token_ends_the_call_and_is_charged_at_its_bound(string script, ErrorCause cause)
    {
        await using var server = new FaultServer(After(Scripts[script]));
        var (outcome, _, sink) = await RunAsync(server.Port, CommitPoint.FirstToken, script: script);
        Assert.Equal(cause, outcome.Error.Cause);
        Assert.True(outcome.Committed);
        Assert.Equal(FinishReason.Error, sink.Finished);
        Assert.StartsWith("Hello", sink.Text, StringComparison.Ordinal);
        Assert.Equal(Bound, outcome.CostMicroUsd);
        Assert.Equal(UsageQuality.Estimated, outcome.Quality);
    }

    // The limit is no assertion about speed: a stall that goes unnoticed would wait for the other, far longer limit.
    [Theory(Timeout = 45_000)]
    [InlineData("stall inside", ErrorCause.Stalled)]
    [InlineData("cut inside", ErrorCause.Cut)]
    [InlineData("broken json inside", ErrorCause.Malformed)]
    [InlineData("endless", ErrorCause.Malformed)]
    public async Task A_held_back_answer_that_fails_is_never_seen_and_the_next_candidate_answers(string script, ErrorCause cause)
    {
        await using var server = new FaultServer(After(Scripts[script]));
        var (outcome, call, sink) = await RunAsync(server.Port, CommitPoint.Complete, script: script);
        AssertFellBack(outcome, call, sink, cause, Bound);
    }

    /// <summary>No silence is long enough to be called one; the deadline alone ends it.</summary>
    [Fact(Timeout = 45_000)]
    public async Task An_answer_that_trickles_on_past_the_calls_deadline_ends_there_and_says_so()
    {
        var adapter = new FakeAdapter("slow", async (_, sink, cancel) =>
        {
            while (!cancel.IsCancellationRequested)
            {
                await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "."u8.ToArray() });
                await Task.Delay(20, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            return CallResult.Failed(ErrorCause.Cancelled, "cancelled");
        });
        var test = new TestPipeline([adapter, FakeAdapter.Saying("good", "from good")], new RouteOptions());
        var call = TestPipeline.Call();
        call.Request.Deadline = Deadline.After(TimeProvider.System, TimeSpan.FromMilliseconds(500));
        var sink = new CollectingSink();
        var outcome = await test.Pipeline.RunAsync(call, sink, TestContext.Current.CancellationToken);
        Assert.Equal((ErrorCause.Stalled, true), (outcome.Error.Cause, outcome.Committed));
        Assert.Contains("deadline", outcome.Error.Message, StringComparison.Ordinal);
        Assert.StartsWith(".", sink.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_connection_costs_nothing_and_leads_to_the_next_candidate()
    {
        var (outcome, call, sink) = await RunAsync(FaultServer.RefusingPort(), CommitPoint.FirstToken);
        AssertFellBack(outcome, call, sink, ErrorCause.ConnectFailed, 0);
    }

    [Fact]
    public async Task A_connection_that_never_comes_is_given_up_in_time()
    {
        var (outcome, call, sink) = await RunAsync(1, CommitPoint.FirstToken, new NeverNetwork());
        AssertFellBack(outcome, call, sink, ErrorCause.ConnectFailed, 0);
    }

    [Theory]
    [InlineData(true, Hello + Stop + Used + Done, 11, UsageQuality.Exact)]
    [InlineData(true, Hello + Stop + Used, 11, UsageQuality.Exact)]
    [InlineData(true, Hello + Stop + Done, 37 + 5, UsageQuality.Estimated)]
    [InlineData(true, Hello + Stop + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1000000}}\n\n" + Done, 1_000_009, UsageQuality.Exact)]
    [InlineData(true, Hello + Stop + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":-9,\"completion_tokens\":2}}\n\n" + Done, Bound, UsageQuality.Estimated)]
    [InlineData(true, Hello + Stop + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":99999999999999,\"completion_tokens\":2}}\n\n" + Done, Bound, UsageQuality.Estimated)]
    public async Task A_whole_answer_is_charged_what_was_stated_or_what_its_length_allows(bool clean, string events, long charged, UsageQuality quality)
    {
        await using var server = new FaultServer(After(c => Events(c, clean, events)));
        var (outcome, _, sink) = await RunAsync(server.Port, CommitPoint.FirstToken);
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.Equal("Hello", sink.Text);
        Assert.Equal(charged, outcome.CostMicroUsd);
        Assert.Equal(quality, outcome.Quality);
    }

    [Fact]
    public async Task Half_a_character_waits_for_its_other_half()
    {
        await using var server = new FaultServer(After(async c =>
        {
            await c.BeginEventsAsync();
            var whole = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ü\"}}]}\n\n"u8.ToArray();
            var middle = whole.AsSpan().IndexOf((byte)0xC3) + 1;
            await c.ChunkAsync(whole[..middle]);
            await c.WaitAsync(20);
            await c.ChunkAsync(whole[middle..]);
            await c.ChunkAsync("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\ud83c\"}}]}\n\n");
            await c.ChunkAsync("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\udf0d!\"}}]}\n\n");
            await c.ChunkAsync(Stop + Done);
            await c.EndChunksAsync();
        }));
        var (outcome, _, sink) = await RunAsync(server.Port, CommitPoint.FirstToken);
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.Equal("ü🌍!", sink.Text);
    }

    [Fact]
    public async Task With_nobody_else_to_ask_the_client_is_told_how_long_to_wait()
    {
        await using var server = new FaultServer(After(c => c.RespondAsync("429 Too Many Requests", "", headers: "retry-after: 70\r\n")));
        using var adapter = Adapter(server.Port, TcpNetwork.Instance);
        var test = new TestPipeline([adapter], new RouteOptions());
        var outcome = await test.RunAsync(new CollectingSink());
        Assert.Equal(ErrorCause.RateLimited, outcome.Error.Cause);
        Assert.Equal(70, outcome.Error.RetryAfter.TotalSeconds);
        Assert.Equal(1, outcome.Attempts);

        var next = await test.RunAsync(new CollectingSink());
        Assert.Equal(0, next.Attempts);
        Assert.InRange(next.Error.RetryAfter.TotalSeconds, 1, 70);
        Assert.Equal(1, server.Accepted);
    }

    [Fact]
    public async Task A_request_that_the_server_calls_wrong_is_not_tried_elsewhere()
    {
        await using var server = new FaultServer(After(c => c.RespondAsync("400 Bad Request", "{\"error\":{\"message\":\"temperature too high\"}}")));
        var (outcome, _, _) = await RunAsync(server.Port, CommitPoint.FirstToken);
        Assert.Equal(ErrorCause.Refused, outcome.Error.Cause);
        Assert.Contains("temperature too high", outcome.Error.Message, StringComparison.Ordinal);
        Assert.Equal(1, outcome.Attempts);
    }

    private static void AssertFellBack(Outcome outcome, ModelCall call, CollectingSink sink, ErrorCause cause, long charged)
    {
        var failed = call.Decisions.Items.Single(d => d.Verdict == "failed");
        Assert.Equal(("bad/m", cause), (failed.Candidate, failed.Cause));
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        Assert.Equal("good/m", outcome.Candidate);
        Assert.Equal("from good", sink.Text);
        Assert.Equal(charged, outcome.CostMicroUsd);
    }

    private static async Task<(Outcome Outcome, ModelCall Call, CollectingSink Sink)> RunAsync(
        int port, CommitPoint commit, INetwork? network = null, string script = "")
    {
        using var adapter = Adapter(port, network ?? TcpNetwork.Instance);
        // Short only where the test is about it: a busy machine may pause for longer.
        var route = new RouteOptions
        {
            Commit = commit,
            FirstTokenTimeoutMs = script == "slow first byte" ? 400 : 60_000,
            StallTimeoutMs = script == "stall inside" ? 400 : 60_000,
        };
        var prices = new PricesOptions { Prices = [new PriceOptions { Provider = "bad", Model = "m", InputPerMillionTokens = 1, OutputPerMillionTokens = 1 }] };
        var test = new TestPipeline([adapter, FakeAdapter.Saying("good", "from good")], route, prices: prices);
        var call = TestPipeline.Call();
        var sink = new CollectingSink();
        var outcome = await test.Pipeline.RunAsync(call, sink, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(Key, outcome.Error.Message ?? "", StringComparison.Ordinal);
        return (outcome, call, sink);
    }

    private static OpenAiCompatibleAdapter Adapter(int port, INetwork network) => new(
        new OpenAiCompatibleOptions { Provider = "bad", Url = new Uri($"http://127.0.0.1:{port}/v1"), Key = Key, Http = new HttpUpstreamOptions { ConnectTimeoutMs = 300 } },
        network,
        TimeProvider.System);

    private static Func<FaultConnection, Task> After(Func<FaultConnection, Task> script) => async connection =>
    {
        if (await connection.ReadRequestAsync())
        {
            await script(connection);
        }
    };

    private static async Task Events(FaultConnection connection, bool clean, params string[] pieces)
    {
        await connection.BeginEventsAsync();
        foreach (var piece in pieces)
        {
            await connection.ChunkAsync(piece);
        }

        if (clean)
        {
            await connection.EndChunksAsync();
        }
    }

    private sealed class NeverNetwork : INetwork
    {
        public async ValueTask<INetworkConnection> ConnectAsync(NetworkTarget target, CancellationToken cancel)
        {
            await Task.Delay(Timeout.Infinite, cancel);
            throw new InvalidOperationException("unreachable");
        }
    }
}
