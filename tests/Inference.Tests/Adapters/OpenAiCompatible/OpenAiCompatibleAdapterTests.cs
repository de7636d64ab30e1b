using System.Text;
using Jesus.Inference.Adapters.OpenAiCompatible;
using Jesus.Inference.Contract;
using Jesus.Inference.Tests.Adapters.Local;
using Jesus.Transport.Http;

namespace Jesus.Inference.Tests.Adapters.OpenAiCompatible;

public sealed class OpenAiCompatibleAdapterTests
{
    private const string Role = """{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}""";
    private const string Hello = """{"id":"x","choices":[{"index":0,"delta":{"content":"Hello"}}] ,"x_new":1}""";
    private const string Stop = """{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""";
    private const string Used = """{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}""";

    [Fact]
    public async Task The_answer_to_a_forwarded_body_comes_back_byte_for_byte_before_what_was_read_from_it()
    {
        await using var server = new Upstream().Streams("/v1/chat/completions", Role, Hello, Stop, Used, "[DONE]");
        var (result, sink) = await CallAsync(server, Forwarded("""{"model":"route","stream":true,"messages":[{"role":"user","content":"hi"}]}""", streams: true));
        Assert.Equal(
            [$"Wire Prelude {Role}", "in wire: Started", $"Wire Content {Hello}", "in wire: Text Hello", $"Wire Terminal {Stop}", "in wire: Finished Stop"],
            Upstream.Lines(sink));
        Assert.Equal(new Usage { InputTokens = 9, OutputTokens = 2 }, result.Usage);
        Assert.Equal(UsageQuality.Exact, result.Quality);
        Assert.Equal(
            """{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}],"stream_options":{"include_usage":true}}""",
            server.BodyOf("/v1/chat/completions"));
    }

    [Fact]
    public async Task Usage_that_the_caller_asked_for_reaches_it()
    {
        await using var server = new Upstream().Streams("/v1/chat/completions", Hello, Stop, Used, "[DONE]");
        var (_, sink) = await CallAsync(server, Forwarded("""{"model":"route","stream":true,"stream_options":{"include_usage":true}}""", streams: true));
        Assert.Contains($"Wire Terminal {Used}", Upstream.Lines(sink));
    }

    [Fact]
    public async Task A_body_that_wants_no_stream_is_answered_whole()
    {
        const string Whole = """{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}""";
        await using var server = new Upstream().Answers("/v1/chat/completions", Whole);
        var (_, sink) = await CallAsync(server, Forwarded("""{"model":"route"}""", streams: false));
        Assert.Equal([$"Wire Terminal {Whole}", "in wire: Started", "in wire: Text hi", "in wire: Finished Stop"], Upstream.Lines(sink));
        Assert.Equal("""{"model":"m"}""", server.BodyOf("/v1/chat/completions"));
    }

    [Fact]
    public async Task A_server_that_streams_unasked_is_understood_and_its_bytes_stay_here()
    {
        await using var server = new Upstream().Streams("/v1/chat/completions", Hello, Stop, "[DONE]");
        var (result, sink) = await CallAsync(server, Forwarded("""{"model":"route"}""", streams: false));
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal(["Started", "Text Hello", "Finished Stop"], Upstream.Lines(sink));
    }

    [Fact]
    public async Task Of_several_choices_only_the_end_of_the_last_is_the_end()
    {
        const string First = """{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}""";
        const string Second = """{"choices":[{"index":1,"delta":{"content":"b"},"finish_reason":"length"}]}""";
        await using var server = new Upstream().Streams("/v1/chat/completions", First, Second, "[DONE]");
        var request = Forwarded("""{"model":"route","n":2}""", streams: true);
        request.Choices = 2;
        var (_, sink) = await CallAsync(server, request);
        Assert.Equal(
            [$"Wire Content {First}", "in wire: Started", "in wire: Text a", "in wire: Finished Stop", $"Wire Terminal {Second}", "in wire: Text b", "in wire: Finished Length"],
            Upstream.Lines(sink));
    }

    [Fact]
    public async Task Refusals_and_reasoning_are_told_apart_from_text()
    {
        await using var server = new Upstream().Streams(
            "/v1/chat/completions",
            """{"choices":[{"index":0,"delta":{"reasoning":"hm","reasoning_content":"hm"}}]}""",
            """{"choices":[{"index":0,"delta":{"content":null,"refusal":"No."}}]}""",
            Stop,
            "[DONE]");
        var (result, sink) = await CallAsync(server, Built());
        Assert.Equal(["Started", "Reasoning hm", "Refusal No.", "Finished Refusal"], Upstream.Lines(sink));
        Assert.Equal(FinishReason.Refusal, result.Reason);
    }

    [Fact]
    public async Task Log_probabilities_come_with_their_alternatives_and_whole_bytes()
    {
        await using var server = new Upstream().Streams(
            "/v1/chat/completions",
            """
            {"choices":[{"index":0,"delta":{"content":"ü"},"logprobs":{"content":[{"token":"ü","logprob":-0.5,"bytes":[195,188],"top_logprobs":[
            """.Trim() + """{"token":"ü","logprob":-0.5,"bytes":[195,188]},{"token":"\\xc3","logprob":-2,"bytes":[195]}]}]}}]}""",
            Stop,
            "[DONE]");
        var seen = new List<string>();
        var sink = new RecordingSink(item =>
        {
            foreach (var (text, logProb, alternatives) in item.LogProbs.ToArray())
            {
                seen.Add($"{Convert.ToHexString(text.Span)} {logProb} {alternatives}");
            }

            return ValueTask.CompletedTask;
        });
        var (result, _) = await CallAsync(server, Built(), sink);
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal(["C3BC -0.5 2", "C3BC -0.5 0", "C3 -2 0"], seen);
    }

    [Theory]
    [InlineData("""{"data":[{"index":1,"embedding":[0.5,-1]},{"index":0,"embedding":[1,2]}],"usage":{"prompt_tokens":7,"total_tokens":7}}""")]
    [InlineData("""{"data":[{"embedding":"AACAPwAAAEA=","index":0},{"embedding":"AAAAPwAAgL8=","index":1}],"usage":{"prompt_tokens":7}}""")]
    public async Task Embeddings_come_in_the_order_of_their_inputs_whichever_way_they_are_coded(string answer)
    {
        await using var server = new Upstream().Answers("/v1/embeddings", answer);
        var request = Request(ModelOperation.Embed);
        request.Inputs.Add(request.Text.Copy("a"));
        request.Inputs.Add(request.Text.Copy("b"));
        request.EmbedDimensions = 2;
        var vectors = new List<float[]>();
        var (result, _) = await CallAsync(server, request, Vectors(vectors));
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal([[1f, 2f], [0.5f, -1f]], vectors);
        Assert.Equal((7, UsageQuality.Exact), (result.Usage.InputTokens, result.Quality));
        Assert.Equal("""{"model":"m","input":["a","b"],"encoding_format":"base64","dimensions":2}""", server.BodyOf("/v1/embeddings"));
    }

    [Theory]
    [InlineData("""{"data":[{"index":0,"embedding":[1]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[1]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":"!!!!"},{"index":1,"embedding":[1]}]}""")]
    [InlineData("<html>login</html>")]
    public async Task Embeddings_that_are_not_one_for_each_input_are_malformed_and_charged_at_the_bound(string answer)
    {
        await using var server = new Upstream().Answers("/v1/embeddings", answer);
        var request = Request(ModelOperation.Embed);
        request.Inputs.Add(request.Text.Copy("a"));
        request.Inputs.Add(request.Text.Copy("b"));
        var (result, sink) = await CallAsync(server, request);
        Assert.Equal((ErrorCause.Malformed, UsageQuality.Estimated), (result.Error.Cause, result.Quality));
        Assert.True(result.Usage.InputTokens > 0);
        Assert.Empty(sink.Events);
    }

    [Fact]
    public async Task Reranking_gives_each_document_its_score()
    {
        await using var server = new Upstream().Answers(
            "/v1/rerank",
            """{"model":"m","results":[{"index":1,"relevance_score":0.75,"document":{"text":"b"}},{"index":0,"relevance_score":0.25}],"usage":{"total_tokens":11}}""");
        var request = Request(ModelOperation.Rerank);
        request.Turns.Add(TurnRole.User, request.Text.Copy("q"));
        request.Inputs.Add(request.Text.Copy("a"));
        request.Inputs.Add(request.Text.Copy("b"));
        var scores = new List<float[]>();
        var (result, _) = await CallAsync(server, request, Vectors(scores));
        Assert.Equal([[0.25f], [0.75f]], scores);
        Assert.Equal(11, result.Usage.InputTokens);
        Assert.Equal("""{"model":"m","query":"q","documents":["a","b"]}""", server.BodyOf("/v1/rerank"));
    }

    [Fact]
    public async Task A_count_of_tokens_is_a_bound_and_asks_nobody()
    {
        await using var server = new Upstream();
        var request = Request(ModelOperation.CountTokens);
        request.Turns.Add(TurnRole.User, request.Text.Copy("twelve bytes"));
        var (result, _) = await CallAsync(server, request);
        Assert.Equal(UsageQuality.Estimated, result.Quality);
        Assert.True(result.Usage.InputTokens >= 12);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task Configured_headers_and_the_key_go_with_every_request()
    {
        await using var server = new Upstream().Streams("/v1/chat/completions", Hello, Stop, "[DONE]");
        await CallAsync(server, Built());
        var head = server.Requests[0].Head;
        Assert.Contains("authorization: Bearer k1\r\n", head, StringComparison.Ordinal);
        Assert.Contains("x-team: red\r\n", head, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_is_not_followed_and_says_so()
    {
        await using var server = new Upstream().On(
            "/v1/chat/completions", c => c.RespondAsync("307 Temporary Redirect", "", headers: "location: https://elsewhere.example/v1\r\n"));
        var (result, _) = await CallAsync(server, Built());
        Assert.Equal(ErrorCause.Malformed, result.Error.Cause);
        Assert.Contains("redirect", result.Error.Message, StringComparison.Ordinal);
        Assert.Contains("https://elsewhere.example/v1", result.Error.Message, StringComparison.Ordinal);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_body_with_fields_that_only_it_can_say_is_never_rebuilt()
    {
        await using var server = new Upstream();
        var request = Built();
        request.VerbatimOnly = "audio";
        var (result, _) = await CallAsync(server, request);
        Assert.Equal((ErrorCause.UnsupportedField, "audio"), (result.Error.Cause, result.Error.Param));
        Assert.Empty(server.Requests);
    }

    private static RecordingSink Vectors(List<float[]> into) => new(item =>
    {
        if (item.Kind == EventKind.Vector)
        {
            Assert.Equal(into.Count, item.Index);
            into.Add(item.Vector.ToArray());
        }

        return ValueTask.CompletedTask;
    });

    private static async Task<(CallResult Result, RecordingSink Sink)> CallAsync(Upstream server, ModelRequest request, RecordingSink? sink = null)
    {
        using var adapter = new OpenAiCompatibleAdapter(
            new OpenAiCompatibleOptions { Provider = "p", Url = server.Url(), Key = "k1", Headers = new Dictionary<string, string> { ["x-team"] = "red" } },
            TcpNetwork.Instance,
            TimeProvider.System);
        sink ??= new RecordingSink();
        return (await adapter.CallAsync(request, sink, TestContext.Current.CancellationToken), sink);
    }

    private static ModelRequest Request(ModelOperation operation)
    {
        var request = new ModelRequest { Operation = operation };
        request.Model = request.Text.Copy("m");
        return request;
    }

    private static ModelRequest Built()
    {
        var request = Request(ModelOperation.Generate);
        request.Turns.Add(TurnRole.User, request.Text.Copy("hi"));
        return request;
    }

    private static ModelRequest Forwarded(string body, bool streams)
    {
        var request = Built();
        request.Body = Encoding.UTF8.GetBytes(body);
        request.BodyShape = ApiShape.OpenAiChat;
        request.Streams = streams;
        return request;
    }
}
