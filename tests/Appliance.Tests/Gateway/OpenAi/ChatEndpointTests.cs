using System.Net;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Gateway.OpenAi;

public sealed class ChatEndpointTests
{
    private const string Ask = """{"model":"nano","messages":[{"role":"user","content":"hi"}]}""";
    private const string AskStream = """{"model":"nano","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}}""";

    [Fact]
    public async Task A_whole_answer_has_text_reason_usage_and_a_request_id()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, sink, _) => Say(sink, "Hel", "lo \"you\"");
        var (status, body, response) = await gateway.PostAsync("/v1/chat/completions", Ask);

        Assert.Equal(HttpStatusCode.OK, status);
        using var json = JsonDocument.Parse(body);
        var choice = json.RootElement.GetProperty("choices")[0];
        Assert.Equal("Hello \"you\"", choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal("stop", choice.GetProperty("finish_reason").GetString());
        Assert.Equal("chat.completion", json.RootElement.GetProperty("object").GetString());
        Assert.Equal("nano", json.RootElement.GetProperty("model").GetString());
        Assert.Equal(12, json.RootElement.GetProperty("usage").GetProperty("total_tokens").GetInt32());
        Assert.StartsWith("req_", response.Headers.GetValues("x-request-id").Single(), StringComparison.Ordinal);
        Assert.Equal("local/nano", response.Headers.GetValues("x-jesus-candidate").Single());
    }

    [Fact]
    public async Task A_streamed_answer_is_chunks_then_usage_then_done()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, sink, _) => Say(sink, "Hel", "lo");
        var (status, body, response) = await gateway.PostAsync("/v1/chat/completions", AskStream);

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        var events = Events(body);
        Assert.Equal("[DONE]", events[^1]);
        var chunks = events[..^1].Select(e => JsonDocument.Parse(e).RootElement).ToArray();
        Assert.All(chunks, c => Assert.Equal("chat.completion.chunk", c.GetProperty("object").GetString()));
        Assert.Single(chunks.Select(c => c.GetProperty("id").GetString()).Distinct());
        Assert.Equal("assistant", chunks[0].GetProperty("choices")[0].GetProperty("delta").GetProperty("role").GetString());
        Assert.Equal("Hello", string.Concat(chunks[..^1].Select(c => c.GetProperty("choices")[0].GetProperty("delta").TryGetProperty("content", out var t) ? t.GetString() : "")));
        Assert.Equal("stop", chunks[^2].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        Assert.Equal(0, chunks[^1].GetProperty("choices").GetArrayLength());
        Assert.Equal(12, chunks[^1].GetProperty("usage").GetProperty("total_tokens").GetInt32());
    }

    [Fact]
    public async Task Tool_calls_come_out_whole_and_as_chunks()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = CallTool;
        var (_, whole, _) = await gateway.PostAsync("/v1/chat/completions", Ask);
        var call = JsonDocument.Parse(whole).RootElement.GetProperty("choices")[0].GetProperty("message").GetProperty("tool_calls")[0];
        Assert.Equal(("call_1", "calc", "{\"expression\":\"2+2\"}"),
            (call.GetProperty("id").GetString(), call.GetProperty("function").GetProperty("name").GetString(), call.GetProperty("function").GetProperty("arguments").GetString()));

        var (_, streamed, _) = await gateway.PostAsync("/v1/chat/completions", AskStream);
        var deltas = Events(streamed)[..^1].Select(e => JsonDocument.Parse(e).RootElement).Where(c => c.GetProperty("choices").GetArrayLength() > 0)
            .Select(c => c.GetProperty("choices")[0].GetProperty("delta")).Where(d => d.TryGetProperty("tool_calls", out _)).Select(d => d.GetProperty("tool_calls")[0]).ToArray();
        Assert.Equal("call_1", deltas[0].GetProperty("id").GetString());
        Assert.Equal("{\"expression\":\"2+2\"}", string.Concat(deltas.Select(d => d.GetProperty("function").GetProperty("arguments").GetString())));
    }

    [Fact]
    public async Task An_answer_that_breaks_after_it_began_never_looks_finished()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = async (_, sink, _) =>
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "Hel"u8.ToArray() });
            return new Outcome { Error = new ModelError(ErrorCause.Cut, "the provider hung up"), Reason = FinishReason.Error, Committed = true };
        };
        var (status, body, _) = await gateway.PostAsync("/v1/chat/completions", AskStream);

        Assert.Equal(HttpStatusCode.OK, status);
        var events = Events(body);
        Assert.DoesNotContain("[DONE]", events);
        Assert.Equal("the provider hung up", JsonDocument.Parse(events[^1]).RootElement.GetProperty("error").GetProperty("message").GetString());
        Assert.DoesNotContain("\"finish_reason\":\"", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ErrorCause.ModelNotFound, 404, "model_not_found")]
    [InlineData(ErrorCause.ContextTooSmall, 400, "context_length_exceeded")]
    [InlineData(ErrorCause.Overloaded, 503, "overloaded")]
    [InlineData(ErrorCause.RateLimited, 429, "rate_limit_exceeded")]
    [InlineData(ErrorCause.Stalled, 504, "upstream_timeout")]
    [InlineData(ErrorCause.Internal, 500, "internal_error")]
    public async Task A_call_that_failed_before_it_began_is_a_plain_error_streamed_or_not(ErrorCause cause, int status, string code)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, _, _) => new(new Outcome { Error = new ModelError(cause, "no", "model", TimeSpan.FromSeconds(2.5)), Reason = FinishReason.Error });
        foreach (var ask in new[] { Ask, AskStream })
        {
            var (got, body, response) = await gateway.PostAsync("/v1/chat/completions", ask);
            Assert.Equal(status, (int)got);
            var error = JsonDocument.Parse(body).RootElement.GetProperty("error");
            Assert.Equal((code, "no", "model"), (error.GetProperty("code").GetString(), error.GetProperty("message").GetString(), error.GetProperty("param").GetString()));
            Assert.Equal("3", response.Headers.GetValues("retry-after").Single());
        }
    }

    [Fact]
    public async Task A_budget_refusal_is_told_apart()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, _, _) => new(new Outcome { Error = new ModelError(ErrorCause.Refused, "the cap is used up"), RefusedByBudget = "user alice" });
        var (status, body, _) = await gateway.PostAsync("/v1/chat/completions", Ask);
        Assert.Equal(HttpStatusCode.TooManyRequests, status);
        Assert.Contains("budget_exceeded", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_leaves_cancels_its_call()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var cancelled = new TaskCompletionSource();
        gateway.Answer = async (_, sink, cancel) =>
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "x"u8.ToArray() });
            cancel.Register(() => cancelled.TrySetResult());
            await cancelled.Task;
            return new Outcome { Error = new ModelError(ErrorCause.Cancelled, "left") };
        };
        using (var content = new StringContent(AskStream, Encoding.UTF8, "application/json"))
        using (var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = content })
        using (await gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead))
        {
            // The answer is dropped unread.
        }

        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task The_caller_the_model_and_the_ids_reach_the_pipeline()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        (string Route, string Principal, string Api, string Ids)? seen = null;
        gateway.Answer = (call, _, _) =>
        {
            seen = (call.RouteName, call.Principal.Id, call.Api, call.Request.Ids.Correlation.ToString());
            return new(new Outcome { Reason = FinishReason.Stop });
        };
        var (_, _, response) = await gateway.PostAsync("/v1/chat/completions", Ask);
        Assert.Equal(("nano", "test", "openai", response.Headers.GetValues("x-request-id").Single()), seen);
    }

    [Fact]
    public async Task Two_choices_are_told_apart_and_logprobs_follow_their_text()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = async (_, sink, _) =>
        {
            for (var choice = 0; choice < 2; choice++)
            {
                var tokens = new TokenSpan(new[] { 7 }, new[] { -0.5f });
                await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Choice = choice, Utf8 = Encoding.UTF8.GetBytes($"t{choice}"), Tokens = tokens });
                await sink.WriteAsync(new ModelEvent { Kind = EventKind.Finished, Choice = choice, Reason = FinishReason.Length });
            }

            return new Outcome { Reason = FinishReason.Length };
        };
        var (_, body, _) = await gateway.PostAsync("/v1/chat/completions", """{"model":"nano","messages":[{"role":"user","content":"hi"}],"n":2,"logprobs":true}""");
        var choices = JsonDocument.Parse(body).RootElement.GetProperty("choices");
        Assert.Equal(["t0", "t1"], choices.EnumerateArray().Select(c => c.GetProperty("message").GetProperty("content").GetString()));
        Assert.All(choices.EnumerateArray(), c => Assert.Equal(-0.5f, c.GetProperty("logprobs").GetProperty("content")[0].GetProperty("logprob").GetSingle()));
    }

    [Fact]
    public async Task A_body_that_is_too_large_or_no_json_is_refused_by_its_class()
    {
        await using var gateway = await GatewayFixture.StartAsync(new GatewayOptions { MaxBodyBytes = 2048 });
        var (large, _, _) = await gateway.PostAsync("/v1/chat/completions", new string(' ', 5000) + Ask);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large);
        using var form = new StringContent(Ask, Encoding.UTF8, "text/plain");
        using var plain = await gateway.Http.PostAsync("/v1/chat/completions", form);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, plain.StatusCode);
        var (broken, body, _) = await gateway.PostAsync("/v1/chat/completions", "{");
        Assert.Equal(HttpStatusCode.BadRequest, broken);
        Assert.Contains("invalid_json", body, StringComparison.Ordinal);
    }

    private static async ValueTask<Outcome> Say(IAnswerSink sink, params string[] pieces)
    {
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Started });
        foreach (var piece in pieces)
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = Encoding.UTF8.GetBytes(piece) });
        }

        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Finished, Reason = FinishReason.Stop });
        return new Outcome { Reason = FinishReason.Stop, Candidate = "local/nano", Usage = new Usage { InputTokens = 10, OutputTokens = 2 } };
    }

    private static async ValueTask<Outcome> CallTool(ModelCall call, IAnswerSink sink, CancellationToken cancel)
    {
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.ToolCallStart, ToolCallId = "call_1"u8.ToArray(), Utf8 = "calc"u8.ToArray() });
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.ToolCallArguments, Utf8 = "{\"expression\":"u8.ToArray() });
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.ToolCallArguments, Utf8 = "\"2+2\"}"u8.ToArray() });
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Finished, Reason = FinishReason.ToolCalls });
        return new Outcome { Reason = FinishReason.ToolCalls };
    }

    private static string[] Events(string body) => [.. body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(e => e["data: ".Length..])];
}
