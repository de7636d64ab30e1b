using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Admission;
using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Gateway.OpenAi;

public sealed class OpenAiApiTests
{
    private const string Ask = """{"model":"nano","messages":[{"role":"user","content":"hi"}]}""";

    [Theory]
    [InlineData("POST", "/v1/moderations")]
    [InlineData("POST", "/v1/audio/transcriptions")]
    [InlineData("POST", "/v1/images/generations")]
    [InlineData("GET", "/v1/files")]
    [InlineData("GET", "/v1/chat/completions")]
    [InlineData("GET", "/v1/chat/completions/chatcmpl-1")]
    [InlineData("DELETE", "/v1/models/nano")]
    public async Task What_is_not_offered_says_so_and_that_asking_again_is_of_no_use(string method, string path)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (method == "POST")
        {
            request.Content = new MultipartFormDataContent { { new StringContent("x"), "file" } };
        }

        using var response = await gateway.Http.SendAsync(request);
        var error = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("error");
        Assert.Equal((HttpStatusCode.NotImplemented, "not_implemented"), (response.StatusCode, error.GetProperty("code").GetString()));
        Assert.Equal("false", response.Headers.GetValues("x-should-retry").Single());
    }

    [Fact]
    public async Task An_action_needs_no_body_and_so_no_content_type()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(gateway.Url).Port);
        await client.GetStream().WriteAsync("POST /v1/responses/resp_gone/cancel HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n"u8.ToArray());
        using var reader = new StreamReader(client.GetStream());
        var answer = await reader.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 404 ", answer, StringComparison.Ordinal);
        Assert.Contains("response_not_found", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_compressed_body_is_refused_by_its_encoding()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var content = new StringContent(Ask, Encoding.UTF8, "application/json");
        content.Headers.ContentEncoding.Add("gzip");
        using var response = await gateway.Http.PostAsync("/v1/chat/completions", content);
        var error = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("error");
        Assert.Equal((HttpStatusCode.UnsupportedMediaType, "unsupported_content_encoding"), (response.StatusCode, error.GetProperty("code").GetString()));
        Assert.Contains("'Content-Encoding: gzip'", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ErrorCause.RateLimited, 429, "true")]
    [InlineData(ErrorCause.Overloaded, 503, "true")]
    [InlineData(ErrorCause.FirstTokenTimeout, 504, "true")]
    [InlineData(ErrorCause.Unauthorized, 502, "false")]
    [InlineData(ErrorCause.ContextTooSmall, 400, "false")]
    [InlineData(ErrorCause.Internal, 500, "true")]
    public async Task A_failure_says_whether_and_when_to_ask_again(ErrorCause cause, int status, string retry)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, _, _) => new(new Outcome { Error = new ModelError(cause, "no", null, retry == "true" ? TimeSpan.FromMilliseconds(1_250) : default) });
        var (got, _, response) = await gateway.PostAsync("/v1/chat/completions", Ask);
        Assert.Equal((status, retry), ((int)got, response.Headers.GetValues("x-should-retry").Single()));
        Assert.Equal(retry == "true", response.Headers.TryGetValues("retry-after-ms", out var ms) && ms.Single() == "1250");
        Assert.Equal(retry == "true", response.Headers.TryGetValues("retry-after", out var seconds) && seconds.Single() == "2");
    }

    [Fact]
    public async Task A_budget_that_is_spent_is_not_to_be_asked_again()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, _, _) => new(new Outcome { Error = new ModelError(ErrorCause.Refused, "spent", null, TimeSpan.FromHours(3)), RefusedByBudget = "team a" });
        var (status, body, response) = await gateway.PostAsync("/v1/chat/completions", Ask);
        Assert.Equal((HttpStatusCode.TooManyRequests, "false"), (status, response.Headers.GetValues("x-should-retry").Single()));
        Assert.Contains("insufficient_quota", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Ask)]
    [InlineData("""{"model":"nano","stream":true,"messages":[{"role":"user","content":"hi"}]}""")]
    public async Task Every_answer_bears_its_id_its_time_and_the_limits(string ask)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = async (call, sink, _) =>
        {
            call.RateLimits = new RateLimits(new RateFigure(60, 59, 1_000), new RateFigure(90_000, 12, 363_000));
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "x"u8.ToArray() });
            return new Outcome { Reason = FinishReason.Stop };
        };
        var (_, _, response) = await gateway.PostAsync("/v1/chat/completions", ask);
        string Of(string name) => response.Headers.GetValues(name).Single();
        Assert.StartsWith("req_", Of("x-request-id"), StringComparison.Ordinal);
        Assert.True(long.Parse(Of("openai-processing-ms"), System.Globalization.CultureInfo.InvariantCulture) >= 0);
        Assert.Equal("2020-10-01", Of("openai-version"));
        Assert.Equal(("60", "59", "1s"), (Of("x-ratelimit-limit-requests"), Of("x-ratelimit-remaining-requests"), Of("x-ratelimit-reset-requests")));
        Assert.Equal(("90000", "12", "6m3s"), (Of("x-ratelimit-limit-tokens"), Of("x-ratelimit-remaining-tokens"), Of("x-ratelimit-reset-tokens")));
    }

    [Fact]
    public async Task The_providers_own_bytes_go_back_whole_as_they_came()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        const string Body = """{ "id" : "x",  "choices":[], "vendor_field": 1.50 }""";
        gateway.Answer = async (_, sink, _) =>
        {
            await sink.WriteAsync(Wire(Body, WirePart.Content));
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "other"u8.ToArray(), InWire = true });
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Finished, Reason = FinishReason.Stop, InWire = true });
            return new Outcome { Reason = FinishReason.Stop };
        };
        var (_, body, _) = await gateway.PostAsync("/v1/chat/completions", Ask);
        Assert.Equal(Body, body);
    }

    [Fact]
    public async Task The_providers_own_events_go_back_as_they_came_and_end_with_done()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = async (_, sink, _) =>
        {
            await sink.WriteAsync(Wire("""{"a": 1}""", WirePart.Prelude));
            await sink.WriteAsync(Wire("{\"b\":\n 2}", WirePart.Content));
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "other"u8.ToArray(), InWire = true });
            return new Outcome { Reason = FinishReason.Stop };
        };
        var (_, body, _) = await gateway.PostAsync("/v1/chat/completions", Ask[..^1] + ",\"stream\":true}");
        Assert.Equal("data: {\"a\": 1}\n\ndata: {\"b\":\ndata:  2}\n\ndata: [DONE]\n\n", body);
    }

    [Fact]
    public async Task Another_apis_bytes_are_left_out_and_what_was_read_from_them_is_written()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = async (_, sink, _) =>
        {
            await sink.WriteAsync(Wire("{\"type\":\"message_start\"}", WirePart.Prelude) with { Shape = ApiShape.AnthropicMessages });
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Refusal, Utf8 = "I can not."u8.ToArray(), InWire = true });
            return new Outcome { Reason = FinishReason.Refusal };
        };
        var (_, body, _) = await gateway.PostAsync("/v1/chat/completions", Ask);
        var choice = JsonDocument.Parse(body).RootElement.GetProperty("choices")[0];
        var message = choice.GetProperty("message");
        Assert.Equal((JsonValueKind.Null, "I can not."), (message.GetProperty("content").ValueKind, message.GetProperty("refusal").GetString()));
        Assert.Equal("stop", choice.GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task Alternatives_of_a_token_stand_under_it()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        TokenLogProb[] tokens = [new("a"u8.ToArray(), -0.5f, 2), new("a"u8.ToArray(), -0.5f), new("b"u8.ToArray(), -1f), new(new byte[] { 0xe2, 0x82 }, -3f)];
        gateway.Answer = async (call, sink, _) =>
        {
            Assert.Equal(2, call.Request.TopLogProbs);
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = "a"u8.ToArray(), LogProbs = tokens });
            return new Outcome { Reason = FinishReason.Stop };
        };
        foreach (var stream in new[] { "false", "true" })
        {
            var (_, body, _) = await gateway.PostAsync("/v1/chat/completions", Ask[..^1] + ",\"logprobs\":true,\"top_logprobs\":2,\"stream\":" + stream + "}");
            var json = stream == "true" ? body.Split("\n\n")[1]["data: ".Length..] : body;
            var content = JsonDocument.Parse(json).RootElement.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("content");
            Assert.Equal(["a", "b"], content[0].GetProperty("top_logprobs").EnumerateArray().Select(t => t.GetProperty("token").GetString()));
            Assert.Equal([0xe2, 0x82], content[1].GetProperty("bytes").EnumerateArray().Select(b => b.GetInt32()));
        }
    }

    private static ModelEvent Wire(string json, WirePart part) =>
        new() { Kind = EventKind.Wire, Shape = ApiShape.OpenAiChat, Wire = part, Utf8 = System.Text.Encoding.UTF8.GetBytes(json) };
}
