using System.Net;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Admission;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Gateway.Anthropic;

public sealed class MessagesEndpointTests
{
    private const string Ask = """{"model":"nano","max_tokens":99,"messages":[{"role":"user","content":"hi"}]}""";
    private const string AskStream = """{"model":"nano","max_tokens":99,"messages":[{"role":"user","content":"hi"}],"stream":true}""";

    private const string UsageJson =
        """{"input_tokens":10,"cache_creation_input_tokens":30,"cache_read_input_tokens":60,"output_tokens":2,"output_tokens_details":{"thinking_tokens":1}}""";

    [Fact]
    public async Task A_whole_answer_has_blocks_a_reason_and_usage_without_the_cached_tokens()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, sink, _) => Say(sink,
            Thought("hm"), Proof("sig"), Text("Hel"), Text("lo"), Start(0, "t1", "calc"), Arguments(0, "{\"e\":"), Arguments(0, "1}"), End(FinishReason.ToolCalls));
        var (status, body, response) = await gateway.PostAsync("/v1/messages", Ask);

        Assert.Equal(HttpStatusCode.OK, status);
        var json = JsonDocument.Parse(body).RootElement;
        Assert.Equal(("message", "assistant", "nano", "tool_use"), (Of(json, "type"), Of(json, "role"), Of(json, "model"), Of(json, "stop_reason")));
        Assert.Equal(JsonValueKind.Null, json.GetProperty("stop_sequence").ValueKind);
        Assert.StartsWith("msg_", Of(json, "id"), StringComparison.Ordinal);
        Assert.Equal(
            """[{"type":"thinking","thinking":"hm","signature":"sig"},{"type":"text","text":"Hello"},{"type":"tool_use","id":"t1","name":"calc","input":{"e":1}}]""",
            json.GetProperty("content").GetRawText());
        Assert.Equal(UsageJson, json.GetProperty("usage").GetRawText());
        Assert.StartsWith("req_", response.Headers.GetValues("request-id").Single(), StringComparison.Ordinal);
        Assert.False(response.Headers.Contains("x-request-id"));
    }

    [Fact]
    public async Task A_whole_answer_says_in_its_head_what_it_cost()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, _, _) => new(new Outcome { Reason = FinishReason.Stop, CostMicroUsd = 12_500 });
        var (_, _, response) = await gateway.PostAsync("/v1/messages", Ask);
        Assert.Equal("0.0125", response.Headers.GetValues("x-jesus-cost-usd").Single());
    }

    [Fact]
    public async Task A_stream_has_the_events_of_the_api_in_their_order()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, sink, _) => Say(sink,
            Thought("h"), Thought("m"), Proof("sig"), new ModelEvent { Kind = EventKind.RedactedReasoning, Utf8 = "zz"u8.ToArray() }, Text("Hel"), Text("lo"),
            Start(0, "t1", "calc"), Arguments(0, "{\"e\":"), Arguments(0, "1}"), End(FinishReason.ToolCalls));
        var (status, body, response) = await gateway.PostAsync("/v1/messages", AskStream);

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        var events = Events(body);
        Assert.Equal(
            [
                "message_start", "ping", "content_block_start", "content_block_delta", "content_block_delta", "content_block_delta", "content_block_stop",
                "content_block_start", "content_block_stop", "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
                "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop", "message_delta", "message_stop",
            ],
            events.Select(e => e.Name));
        Assert.All(events, e => Assert.Equal(e.Name, Of(e.Data, "type")));
        Assert.Equal(["thinking_delta", "thinking_delta", "signature_delta", "text_delta", "text_delta", "input_json_delta", "input_json_delta"],
            events.Where(e => e.Name == "content_block_delta").Select(e => Of(e.Data.GetProperty("delta"), "type")));
        Assert.Equal([0, 1, 2, 3], events.Where(e => e.Name == "content_block_start").Select(e => e.Data.GetProperty("index").GetInt32()));
        Assert.Equal("""{"type":"tool_use","id":"t1","name":"calc","input":{}}""", events[13].Data.GetProperty("content_block").GetRawText());
        Assert.Equal("""{"stop_reason":"tool_use","stop_sequence":null}""", events[^2].Data.GetProperty("delta").GetRawText());
        Assert.Equal(UsageJson, events[^2].Data.GetProperty("usage").GetRawText());
    }

    [Fact]
    public async Task A_streams_start_states_the_prompts_tokens_where_they_are_counted_exactly_and_its_end_all_of_the_usage()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        foreach (var (counted, cached) in new[] { (0, 0), (7_000, 0), (7_000, 6_000) })
        {
            gateway.Answer = (_, sink, _) => Say(sink, new ModelEvent { Kind = EventKind.Started, Index = counted, CachedTokens = cached }, Text("Hello"), End(FinishReason.Stop));
            var events = Events((await gateway.PostAsync("/v1/messages", AskStream)).Body);
            var start = events[0].Data.GetProperty("message").GetProperty("usage");
            Assert.Equal((counted - cached, cached), (start.GetProperty("input_tokens").GetInt32(), start.GetProperty("cache_read_input_tokens").GetInt32()));
            Assert.Equal(0, start.GetProperty("output_tokens").GetInt32());
            Assert.Equal(UsageJson, events[^2].Data.GetProperty("usage").GetRawText());
        }
    }

    [Fact]
    public async Task Calls_whose_arguments_come_interleaved_are_put_one_after_the_other()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, sink, _) => Say(sink,
            Start(0, "a", "x"), Start(1, "b", "y"), Arguments(1, "{\"q\":\"}"), Arguments(0, "{\"p\""),
            Arguments(1, "\\\"\"}"), Start(2, "c", "z"), Arguments(0, ":{}}"), End(FinishReason.ToolCalls));
        var (_, body, _) = await gateway.PostAsync("/v1/messages", AskStream);

        var calls = new List<(string Id, string Input)>();
        foreach (var (name, data) in Events(body))
        {
            if (name == "content_block_start")
            {
                calls.Add((Of(data.GetProperty("content_block"), "id"), ""));
            }
            else if (name == "content_block_delta")
            {
                Assert.Equal(calls.Count - 1, data.GetProperty("index").GetInt32());
                calls[^1] = (calls[^1].Id, calls[^1].Input + Of(data.GetProperty("delta"), "partial_json"));
            }
        }

        Assert.Equal([("a", "{\"p\":{}}"), ("b", "{\"q\":\"}\\\"\"}"), ("c", "")], calls);
    }

    [Fact]
    public async Task With_parallel_calls_disabled_only_the_first_is_given()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, sink, _) => Say(sink, Start(0, "a", "x"), Arguments(0, "{}"), Start(1, "b", "y"), Arguments(1, "{}"), End(FinishReason.ToolCalls));
        foreach (var stream in new[] { "true", "false" })
        {
            var (_, body, _) = await gateway.PostAsync("/v1/messages", $$$"""
                {"model":"nano","max_tokens":9,"stream":{{{stream}}},"messages":[{"role":"user","content":"hi"}],"tools":[{"name":"x","input_schema":{}}],
                 "tool_choice":{"type":"auto","disable_parallel_tool_use":true}}
                """);
            Assert.Contains("\"a\"", body, StringComparison.Ordinal);
            Assert.DoesNotContain("\"b\"", body, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(FinishReason.Stop, "end_turn")]
    [InlineData(FinishReason.Length, "max_tokens")]
    [InlineData(FinishReason.StopSequence, "stop_sequence")]
    [InlineData(FinishReason.Refusal, "refusal")]
    [InlineData(FinishReason.ContentFilter, "refusal")]
    [InlineData(FinishReason.Pause, "pause_turn")]
    public async Task Every_end_has_its_reason_and_a_stop_text_is_told(FinishReason reason, string name)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, sink, _) => Say(sink, Text("x"), new ModelEvent { Kind = EventKind.Finished, Reason = reason, Utf8 = "STOP"u8.ToArray() });
        var sequence = reason == FinishReason.StopSequence ? "\"STOP\"" : "null";
        var (_, whole, _) = await gateway.PostAsync("/v1/messages", Ask);
        Assert.Contains($"\"stop_reason\":\"{name}\",\"stop_sequence\":{sequence}", whole, StringComparison.Ordinal);
        var (_, streamed, _) = await gateway.PostAsync("/v1/messages", AskStream);
        Assert.Contains($"\"stop_reason\":\"{name}\",\"stop_sequence\":{sequence}", streamed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_providers_own_bytes_are_the_answer()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        const string First = "{ \"type\": \"message_start\",\"message\":{\"id\":\"msg_far\", \"x\":1}}";
        const string Delta = "{\"index\":0,\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"h\\u00e9\"}}";
        const string Last = "{\"type\":\"message_stop\" }";
        gateway.Answer = (_, sink, _) => Say(sink, Wire(First), Wire(Delta), Text("hé") with { InWire = true }, Wire(Last), End(FinishReason.Stop) with { InWire = true });
        var (_, streamed, _) = await gateway.PostAsync("/v1/messages", AskStream);
        Assert.Equal($"event: message_start\ndata: {First}\n\nevent: content_block_delta\ndata: {Delta}\n\nevent: message_stop\ndata: {Last}\n\n", streamed);

        const string Whole = "{ \"id\":\"msg_far\",  \"content\":[] }";
        gateway.Answer = (_, sink, _) => Say(sink, Wire(Whole), Text("x") with { InWire = true }, End(FinishReason.Stop) with { InWire = true });
        var (_, whole, _) = await gateway.PostAsync("/v1/messages", Ask);
        Assert.Equal(Whole, whole);
    }

    [Fact]
    public async Task Bytes_of_another_api_are_not_passed_on()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, sink, _) => Say(sink, Wire("{\"object\":\"chat.completion.chunk\"}") with { Shape = ApiShape.OpenAiChat }, Text("x"), End(FinishReason.Stop));
        var (_, streamed, _) = await gateway.PostAsync("/v1/messages", AskStream);
        Assert.DoesNotContain("chat.completion", streamed, StringComparison.Ordinal);
        Assert.Contains("\"text\":\"x\"", streamed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_that_breaks_ends_with_an_error_and_never_looks_finished()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = async (_, sink, _) =>
        {
            await sink.WriteAsync(Text("Hel"));
            await sink.WriteAsync(End(FinishReason.Error));
            return new Outcome { Error = new ModelError(ErrorCause.Cut, "the provider hung up"), Reason = FinishReason.Error, Committed = true };
        };
        var (status, body, response) = await gateway.PostAsync("/v1/messages", AskStream);

        Assert.Equal(HttpStatusCode.OK, status);
        var events = Events(body);
        Assert.Equal("error", events[^1].Name);
        Assert.Equal(("api_error", "the provider hung up"), (Of(events[^1].Data.GetProperty("error"), "type"), Of(events[^1].Data.GetProperty("error"), "message")));
        Assert.Equal(response.Headers.GetValues("request-id").Single(), Of(events[^1].Data, "request_id"));
        Assert.DoesNotContain(events, e => e.Name is "message_delta" or "message_stop" or "content_block_stop");
    }

    [Theory]
    [InlineData(ErrorCause.ModelNotFound, 404, "not_found_error")]
    [InlineData(ErrorCause.ContextTooSmall, 400, "invalid_request_error")]
    [InlineData(ErrorCause.UnsupportedField, 400, "invalid_request_error")]
    [InlineData(ErrorCause.Overloaded, 529, "overloaded_error")]
    [InlineData(ErrorCause.Draining, 529, "overloaded_error")]
    [InlineData(ErrorCause.RateLimited, 429, "rate_limit_error")]
    [InlineData(ErrorCause.Stalled, 504, "timeout_error")]
    [InlineData(ErrorCause.Refused, 400, "invalid_request_error")]
    [InlineData(ErrorCause.Cut, 502, "api_error")]
    [InlineData(ErrorCause.Internal, 500, "api_error")]
    public async Task A_call_that_failed_before_it_began_is_a_plain_error_streamed_or_not(ErrorCause cause, int status, string type)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, _, _) => new(new Outcome { Error = new ModelError(cause, "no", "model", TimeSpan.FromSeconds(2.5)), Reason = FinishReason.Error });
        foreach (var ask in new[] { Ask, AskStream })
        {
            var (got, body, response) = await gateway.PostAsync("/v1/messages", ask);
            Assert.Equal(status, (int)got);
            var json = JsonDocument.Parse(body).RootElement;
            Assert.Equal(("error", type, "no"), (Of(json, "type"), Of(json.GetProperty("error"), "type"), Of(json.GetProperty("error"), "message")));
            Assert.Equal(response.Headers.GetValues("request-id").Single(), Of(json, "request_id"));
            Assert.Equal("3", response.Headers.GetValues("retry-after").Single());
        }
    }

    [Fact]
    public async Task A_refused_field_a_wrong_version_and_a_large_body_have_their_classes()
    {
        await using var gateway = await GatewayFixture.StartAsync(new() { MaxBodyBytes = 2048 });
        var (field, body, _) = await gateway.PostAsync("/v1/messages", """{"model":"nano","max_tokens":1,"messages":[{"role":"user","content":"x"}],"best_of":2}""");
        Assert.Equal(HttpStatusCode.BadRequest, field);
        Assert.Contains("best_of", Of(JsonDocument.Parse(body).RootElement.GetProperty("error"), "message"), StringComparison.Ordinal);
        var (large, why, _) = await gateway.PostAsync("/v1/messages", new string(' ', 5000) + Ask);
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, true), (large, why.Contains("\"request_too_large\"", StringComparison.Ordinal)));

        gateway.Http.DefaultRequestHeaders.Add("anthropic-version", "2023-01-01");
        var (version, _, _) = await gateway.PostAsync("/v1/messages", Ask);
        Assert.Equal(HttpStatusCode.BadRequest, version);
    }

    [Fact]
    public async Task A_caller_without_a_key_is_told_so_in_the_apis_own_class()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Roles = Roles.None;
        var (status, body, _) = await gateway.PostAsync("/v1/messages", Ask);
        Assert.Equal((HttpStatusCode.Unauthorized, true), (status, body.Contains("\"authentication_error\"", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Limits_are_told_and_betas_reach_the_pipeline()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        (string Betas, string VerbatimOnly, string Api, string Route)? seen = null;
        gateway.Answer = (call, sink, _) =>
        {
            seen = (call.Request.Betas.ToString(), call.Request.VerbatimOnly, call.Api, call.RouteName);
            call.RateLimits = new RateLimits(new RateFigure(60, 59, 1000), new RateFigure(1000, 900, 6000));
            return Say(sink, Text("x"), End(FinishReason.Stop));
        };
        gateway.Http.DefaultRequestHeaders.Add("anthropic-beta", "prompt-caching-2024-07-31, files-api-2025-04-14");
        foreach (var ask in new[] { Ask, AskStream })
        {
            var (_, _, response) = await gateway.PostAsync("/v1/messages", ask);
            Assert.Equal("59", response.Headers.GetValues("anthropic-ratelimit-requests-remaining").Single());
            Assert.Equal("1000", response.Headers.GetValues("anthropic-ratelimit-tokens-limit").Single());
            Assert.EndsWith("Z", response.Headers.GetValues("anthropic-ratelimit-tokens-reset").Single(), StringComparison.Ordinal);
        }

        Assert.Equal(("prompt-caching-2024-07-31, files-api-2025-04-14", "anthropic-beta (files-api-2025-04-14)", "anthropic", "nano"), seen);
    }

    [Fact]
    public async Task Tokens_are_counted_by_the_pipeline()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        ModelOperation? operation = null;
        gateway.Answer = (call, _, _) =>
        {
            operation = call.Request.Operation;
            return new(new Outcome { Reason = FinishReason.Stop, Usage = new Usage { InputTokens = 17 } });
        };
        var (status, body, _) = await gateway.PostAsync("/v1/messages/count_tokens", """{"model":"nano","messages":[{"role":"user","content":"hi"}]}""");
        Assert.Equal((HttpStatusCode.OK, """{"input_tokens":17}""", ModelOperation.CountTokens), (status, body, operation));
    }

    [Fact]
    public async Task Models_answer_in_the_shape_of_the_caller()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        Assert.Contains("\"object\":\"list\"", await gateway.Http.GetStringAsync("/v1/models"), StringComparison.Ordinal);
        gateway.Http.DefaultRequestHeaders.Add("anthropic-version", "2023-06-01");
        Assert.Equal(
            """{"data":[{"type":"model","id":"nano","display_name":"nano","created_at":"1970-01-01T00:00:05Z","capabilities":null,"deprecated_at":null"""
            + ""","lifecycle":"active","line":null,"max_input_tokens":1024,"max_tokens":null,"retires_at":null}],"first_id":"nano","last_id":"nano","has_more":false}""",
            await gateway.Http.GetStringAsync("/v1/models"));
        Assert.Contains("\"display_name\":\"nano\"", await gateway.Http.GetStringAsync("/v1/models/nano"), StringComparison.Ordinal);
        using var missing = await gateway.Http.GetAsync("/v1/models/gone");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Contains("\"not_found_error\"", await missing.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.True(missing.Headers.Contains("request-id"));
    }

    private static ModelEvent Text(string text) => new() { Kind = EventKind.Text, Utf8 = Encoding.UTF8.GetBytes(text) };

    private static ModelEvent Thought(string text) => new() { Kind = EventKind.Reasoning, Utf8 = Encoding.UTF8.GetBytes(text) };

    private static ModelEvent Proof(string text) => new() { Kind = EventKind.ReasoningSignature, Utf8 = Encoding.UTF8.GetBytes(text) };

    private static ModelEvent Start(int index, string id, string name) =>
        new() { Kind = EventKind.ToolCallStart, Index = index, ToolCallId = Encoding.UTF8.GetBytes(id), Utf8 = Encoding.UTF8.GetBytes(name) };

    private static ModelEvent Arguments(int index, string piece) => new() { Kind = EventKind.ToolCallArguments, Index = index, Utf8 = Encoding.UTF8.GetBytes(piece) };

    private static ModelEvent End(FinishReason reason) => new() { Kind = EventKind.Finished, Reason = reason };

    private static ModelEvent Wire(string json) =>
        new() { Kind = EventKind.Wire, Shape = ApiShape.AnthropicMessages, Wire = WirePart.Content, Utf8 = Encoding.UTF8.GetBytes(json) };

    private static async ValueTask<Outcome> Say(IAnswerSink sink, params ModelEvent[] events)
    {
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Started });
        foreach (var item in events)
        {
            await sink.WriteAsync(item);
        }

        var usage = new Usage { InputTokens = 100, CachedInputTokens = 60, CacheWriteTokens = 30, OutputTokens = 2, ReasoningTokens = 1 };
        return new Outcome { Reason = FinishReason.Stop, Candidate = "local/nano", Usage = usage };
    }

    private static string Of(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private static List<(string Name, JsonElement Data)> Events(string body) =>
    [
        .. body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(frame =>
        {
            var lines = frame.Split('\n');
            Assert.Equal(2, lines.Length);
            return (lines[0]["event: ".Length..], JsonDocument.Parse(lines[1]["data: ".Length..]).RootElement);
        }),
    ];
}
