using System.Net;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Gateway.OpenAi;

public sealed class CompletionsTests
{
    [Fact]
    public async Task A_text_is_continued_as_it_stands_with_log_probabilities()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        (int Turns, string Input, int Max)? seen = null;
        gateway.Answer = async (call, sink, _) =>
        {
            seen = (call.Request.Turns.Count, call.Request.Inputs[0].ToString(), call.Request.MaxOutputTokens);
            await SayAsync(sink);
            return new Outcome { Reason = FinishReason.Length, Usage = new Usage { InputTokens = 3, OutputTokens = 2 } };
        };
        var (status, body, _) = await gateway.PostAsync("/v1/completions", """{"model":"nano","prompt":"Once upon","logprobs":2}""");
        Assert.True(status == HttpStatusCode.OK, body);
        Assert.Equal((0, "Once upon", 16), seen);
        var answer = JsonDocument.Parse(body).RootElement;
        Assert.Equal("text_completion", answer.GetProperty("object").GetString());
        var choice = answer.GetProperty("choices")[0];
        Assert.Equal((" a time", "length"), (choice.GetProperty("text").GetString(), choice.GetProperty("finish_reason").GetString()));
        var probabilities = choice.GetProperty("logprobs");
        Assert.Equal([" a", " time"], probabilities.GetProperty("tokens").EnumerateArray().Select(t => t.GetString()));
        Assert.Equal([0, 2], probabilities.GetProperty("text_offset").EnumerateArray().Select(t => t.GetInt32()));
        Assert.Equal(-2.5f, probabilities.GetProperty("top_logprobs")[0].GetProperty(" the").GetSingle());
        Assert.Equal(5, answer.GetProperty("usage").GetProperty("total_tokens").GetInt32());
    }

    [Fact]
    public async Task A_stream_has_pieces_an_end_and_the_usage_that_was_asked_for()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = async (_, sink, _) =>
        {
            await SayAsync(sink);
            return new Outcome { Reason = FinishReason.Length, Usage = new Usage { InputTokens = 3, OutputTokens = 2 } };
        };
        var (_, body, _) = await gateway.PostAsync("/v1/completions", """{"model":"nano","prompt":[1,2,3],"stream":true,"stream_options":{"include_usage":true}}""");
        var events = body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(e => e["data: ".Length..]).ToArray();
        Assert.Equal("[DONE]", events[^1]);
        Assert.Equal(3, JsonDocument.Parse(events[^2]).RootElement.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        var choices = events[..^2].Select(e => JsonDocument.Parse(e).RootElement.GetProperty("choices")[0]).ToArray();
        Assert.Equal(" a time", string.Concat(choices.Select(c => c.GetProperty("text").GetString())));
        Assert.Equal([null, null, "length"], choices.Select(c => c.GetProperty("finish_reason").GetString()));
    }

    [Fact]
    public async Task A_stream_that_breaks_ends_with_an_error_and_never_with_done()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = async (_, sink, _) =>
        {
            await SayAsync(sink);
            return new Outcome { Error = new ModelError(ErrorCause.Cut, "cut"), Committed = true };
        };
        var (_, body, _) = await gateway.PostAsync("/v1/completions", """{"model":"nano","prompt":"x","stream":true}""");
        Assert.DoesNotContain("[DONE]", body, StringComparison.Ordinal);
        Assert.DoesNotContain("\"finish_reason\":\"", body, StringComparison.Ordinal);
        Assert.Contains("upstream_broken_answer", body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"model":"m"}""", "missing_required_parameter", "prompt")]
    [InlineData("""{"model":"m","prompt":["a","b"]}""", "unsupported_parameter", "prompt")]
    [InlineData("""{"model":"m","prompt":[[1],[2]]}""", "unsupported_parameter", "prompt")]
    [InlineData("""{"model":"m","prompt":[1,-2]}""", "invalid_value", "prompt")]
    [InlineData("""{"model":"m","prompt":{"a":1}}""", "invalid_type", "prompt")]
    [InlineData("""{"model":"m","prompt":"x","echo":true}""", "unsupported_parameter", "echo")]
    [InlineData("""{"model":"m","prompt":"x","best_of":3}""", "unsupported_parameter", "best_of")]
    [InlineData("""{"model":"m","prompt":"x","suffix":"y"}""", "unsupported_parameter", "suffix")]
    [InlineData("""{"model":"m","prompt":"x","logprobs":6}""", "invalid_value", "logprobs")]
    [InlineData("""{"model":"m","prompt":"x","messages":[]}""", "unsupported_parameter", "messages")]
    public async Task What_is_not_honoured_is_refused_by_name(string request, string code, string param)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var (status, body, _) = await gateway.PostAsync("/v1/completions", request);
        var error = JsonDocument.Parse(body).RootElement.GetProperty("error");
        Assert.Equal((HttpStatusCode.BadRequest, code, param), (status, error.GetProperty("code").GetString(), error.GetProperty("param").GetString()));
    }

    private static async Task SayAsync(IAnswerSink sink)
    {
        TokenLogProb[] first = [new(Encoding.UTF8.GetBytes(" a"), -0.5f, 2), new(Encoding.UTF8.GetBytes(" a"), -0.5f), new(Encoding.UTF8.GetBytes(" the"), -2.5f)];
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = Encoding.UTF8.GetBytes(" a"), LogProbs = first });
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = Encoding.UTF8.GetBytes(" time"), Tokens = new TokenSpan(new[] { 7 }, new[] { -0.25f }) });
    }
}
