using System.Text;
using Jesus.Inference.Adapters.Anthropic;
using Jesus.Inference.Contract;
using Jesus.Inference.Tests.Adapters.Local;
using Jesus.Tests.Faults;
using Jesus.Transport.Http;

namespace Jesus.Inference.Tests.Adapters.Anthropic;

/// <summary>The adapter against a server of ours that speaks the API over real sockets.</summary>
public sealed class AnthropicAdapterTests
{
    private const string Body = "{\"model\":\"route\",\"max_tokens\":50,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"new\":1}";

    [Fact]
    public async Task A_request_built_inside_is_streamed_and_its_usage_stated()
    {
        string head = "", body = "";
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            (head, body) = (c.Head, c.Body);
            await UpstreamApi.Anthropic.AnswerAsync(c, "Hello", StatedUsage.Usual);
        });
        var (result, sink) = await CallAsync(server, Built());
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal("Hello", sink.Text());
        Assert.Equal((FinishReason.Stop, UsageQuality.Exact, 9, 2), (result.Reason, result.Quality, result.Usage.InputTokens, result.Usage.OutputTokens));
        Assert.Equal([EventKind.Started, EventKind.Text, EventKind.Finished], sink.Events.Select(e => e.Kind));
        Assert.StartsWith("POST /v1/messages HTTP/1.1\r\n", head, StringComparison.Ordinal);
        Assert.Contains("\r\nx-api-key: sk-ant-1\r\n", head, StringComparison.Ordinal);
        Assert.Contains("\r\nanthropic-version: 2023-06-01\r\n", head, StringComparison.Ordinal);
        Assert.Contains("\"stream\":true", body, StringComparison.Ordinal);
        Assert.Contains("\"max_tokens\":4096", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_caller_without_a_limit_gets_its_models()
    {
        var body = "";
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            body = c.Body;
            await UpstreamApi.Anthropic.AnswerAsync(c, "Hello", StatedUsage.Usual);
        });
        await CallAsync(server, Built(), limit: 8_192);
        Assert.Contains("\"max_tokens\":8192", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_callers_own_body_and_its_answer_pass_byte_for_byte()
    {
        string head = "", body = "";
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            (head, body) = (c.Head, c.Body);
            await UpstreamApi.Anthropic.AnswerAsync(c, "Hello", StatedUsage.Usual);
        });
        var request = Forwarded(Body, streams: true);
        request.Betas = request.Text.Copy("context-1m-2025-08-07, other-beta");
        var (result, sink) = await CallAsync(server, request);
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal(Body.Replace("\"route\"", "\"m\"", StringComparison.Ordinal), body);
        Assert.Contains("\r\nanthropic-beta: context-1m-2025-08-07, other-beta\r\n", head, StringComparison.Ordinal);
        var expected = UpstreamApi.Anthropic.Stream("Hello", StatedUsage.Usual).Split('\n').Where(l => l.StartsWith("data: ", StringComparison.Ordinal)).Select(l => l[6..]);
        var wire = sink.Events.Where(e => e.Kind == EventKind.Wire).ToList();
        Assert.Equal(expected, wire.Select(e => Encoding.UTF8.GetString(e.Utf8.Span)));
        Assert.All(wire, e => Assert.Equal(ApiShape.AnthropicMessages, e.Shape));
        Assert.All(sink.Events.Where(e => e.Kind != EventKind.Wire), e => Assert.True(e.InWire));
        Assert.Equal(
            [WirePart.Prelude, WirePart.Prelude, WirePart.Prelude, WirePart.Content, WirePart.Content, WirePart.Terminal, WirePart.Terminal],
            wire.Select(e => e.Wire));
        Assert.Equal("Hello", sink.Text());
    }

    [Fact]
    public async Task A_body_that_asks_for_no_stream_gets_its_answer_whole()
    {
        await using var server = FaultServer.Saying(UpstreamApi.Anthropic, "Hello");
        var (result, sink) = await CallAsync(server, Forwarded(Body.Replace("true", "false", StringComparison.Ordinal), streams: false));
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal((9, 2), (result.Usage.InputTokens, result.Usage.OutputTokens));
        Assert.Equal(UpstreamApi.Anthropic.Whole("Hello", StatedUsage.Usual), Encoding.UTF8.GetString(Assert.Single(sink.Events, e => e.Kind == EventKind.Wire).Utf8.Span));
        Assert.Equal("Hello", sink.Text());
    }

    [Fact]
    public async Task A_built_request_carries_no_header_of_the_callers_betas()
    {
        var head = "";
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            head = c.Head;
            await UpstreamApi.Anthropic.AnswerAsync(c, "Hello", StatedUsage.Usual);
        });
        var request = Built();
        request.Betas = request.Text.Copy("x");
        await CallAsync(server, request);
        Assert.DoesNotContain("anthropic-beta", head, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokens_are_counted_where_the_model_is()
    {
        string head = "", body = "";
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            (head, body) = (c.Head, c.Body);
            await c.RespondAsync("200 OK", "{\"input_tokens\":2095}");
        });
        var request = Built();
        request.Operation = ModelOperation.CountTokens;
        var (result, _) = await CallAsync(server, request);
        Assert.Equal((true, 2095, 0), (result.Succeeded, result.Usage.InputTokens, result.Usage.OutputTokens));
        Assert.StartsWith("POST /v1/messages/count_tokens HTTP/1.1\r\n", head, StringComparison.Ordinal);
        Assert.DoesNotContain("max_tokens", body, StringComparison.Ordinal);
        Assert.DoesNotContain("stream", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("400", ErrorCause.Refused)]
    [InlineData("400 context too long", ErrorCause.ContextTooSmall)]
    [InlineData("400 content policy", ErrorCause.ContentPolicy)]
    [InlineData("401 that quotes the key", ErrorCause.Unauthorized)]
    [InlineData("403", ErrorCause.Unauthorized)]
    [InlineData("404", ErrorCause.ModelNotFound)]
    [InlineData("429 with retry-after", ErrorCause.RateLimited)]
    [InlineData("500", ErrorCause.Internal)]
    [InlineData("502", ErrorCause.Overloaded)]
    [InlineData("529", ErrorCause.Overloaded)]
    [InlineData("error body with 200", ErrorCause.RateLimited)]
    [InlineData("web page with 200", ErrorCause.Malformed)]
    [InlineData("error event first", ErrorCause.Overloaded)]
    public async Task A_refusal_has_its_cause_and_costs_nothing(string fault, ErrorCause cause)
    {
        await using var server = FaultServer.Of(UpstreamApi.Anthropic, FaultScripts.Of(fault));
        var (result, _) = await CallAsync(server, Built(), FaultScripts.Key);
        Assert.True(cause == result.Error.Cause, $"{result.Error.Cause}: {result.Error.Message}");
        Assert.Equal((UsageQuality.Exact, default), (result.Quality, result.Usage));
        Assert.DoesNotContain(FaultScripts.Key, result.Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("closed after the request", ErrorCause.Cut)]
    [InlineData("cut inside", ErrorCause.Cut)]
    [InlineData("ends without an end", ErrorCause.Cut)]
    [InlineData("no last event", ErrorCause.Cut)]
    [InlineData("broken JSON inside", ErrorCause.Malformed)]
    [InlineData("giant line", ErrorCause.Malformed)]
    [InlineData("endless stream", ErrorCause.Malformed)]
    [InlineData("tool id missing", ErrorCause.Malformed)]
    [InlineData("other JSON with 200", ErrorCause.Malformed)]
    [InlineData("error event inside", ErrorCause.Overloaded)]
    public async Task An_answer_that_breaks_off_never_looks_finished(string fault, ErrorCause cause)
    {
        await using var server = FaultServer.Of(UpstreamApi.Anthropic, FaultScripts.Of(fault));
        var request = Built();
        request.MaxOutputTokens = 100;
        var (result, _) = await CallAsync(server, request);
        Assert.True(cause == result.Error.Cause, $"{result.Error.Cause}: {result.Error.Message}");
    }

    [Fact]
    public async Task A_limit_used_up_says_when_it_is_whole_again()
    {
        var reset = DateTimeOffset.UtcNow.AddHours(2).ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            await c.RespondAsync("429 Too Many Requests", UpstreamApi.Anthropic.Error(UpstreamError.RateLimited, "later"), headers:
                $"anthropic-ratelimit-requests-remaining: 5\r\nanthropic-ratelimit-requests-reset: 2100-01-01T00:00:00Z\r\n"
                + $"anthropic-ratelimit-output-tokens-remaining: 0\r\nanthropic-ratelimit-output-tokens-reset: {reset}\r\n");
        });
        var (result, _) = await CallAsync(server, Built());
        Assert.Equal(ErrorCause.RateLimited, result.Error.Cause);
        Assert.InRange(result.Error.RetryAfter.TotalHours, 0.5, 2);
    }

    [Fact]
    public async Task An_answer_without_usage_is_bounded_by_its_limit_where_thinking_may_be_hidden()
    {
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            await c.RespondAsync(
                "200 OK", """{"type":"message","content":[{"type":"thinking","thinking":"","signature":"s"},{"type":"text","text":"hi"}],"stop_reason":"end_turn"}""");
        });
        var request = Built();
        request.MaxOutputTokens = 700;
        var (result, _) = await CallAsync(server, request);
        Assert.Equal((true, UsageQuality.Estimated, 700), (result.Succeeded, result.Quality, result.Usage.OutputTokens));
    }

    [Fact]
    public async Task Cancelling_closes_the_connection_to_the_server()
    {
        var closed = new TaskCompletionSource();
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            await c.BeginEventsAsync();
            await c.ChunkAsync(UpstreamApi.Anthropic.Opening(StatedUsage.Usual) + UpstreamApi.Anthropic.Text("Hello"));
            try
            {
                await c.StallAsync();
            }
            finally
            {
                closed.SetResult();
            }
        });
        using var cancel = new CancellationTokenSource();
        using var adapter = Adapter(server.Port);
        var sink = new RecordingSink(item => item.Kind == EventKind.Text ? new ValueTask(cancel.CancelAsync()) : ValueTask.CompletedTask);
        var result = await adapter.CallAsync(Built(), sink, cancel.Token);
        Assert.Equal(ErrorCause.Cancelled, result.Error.Cause);
        await closed.Task.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    private static async Task<(CallResult Result, RecordingSink Sink)> CallAsync(FaultServer server, ModelRequest request, string key = "sk-ant-1", int limit = 0)
    {
        using var adapter = Adapter(server.Port, key, limit);
        var sink = new RecordingSink();
        return (await adapter.CallAsync(request, sink, TestContext.Current.CancellationToken), sink);
    }

    private static AnthropicAdapter Adapter(int port, string key = "sk-ant-1", int limit = 0) => new(
        new AnthropicOptions { Provider = "anthropic", Url = new Uri($"http://127.0.0.1:{port}"), Key = key, MaxOutputTokens = new Dictionary<string, int> { ["m"] = limit } },
        TcpNetwork.Instance, TimeProvider.System);

    private static ModelRequest Built()
    {
        var request = new ModelRequest();
        request.Model = request.Text.Copy("m");
        request.Turns.Add(TurnRole.User, request.Text.Copy("hi"));
        return request;
    }

    private static ModelRequest Forwarded(string body, bool streams)
    {
        var request = Built();
        request.Body = Encoding.UTF8.GetBytes(body);
        request.BodyShape = ApiShape.AnthropicMessages;
        request.Streams = streams;
        request.MaxOutputTokens = 50;
        return request;
    }
}
