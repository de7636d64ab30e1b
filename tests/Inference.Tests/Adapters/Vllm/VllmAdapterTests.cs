using System.Text.Json.Nodes;
using Jesus.Inference.Adapters.Vllm;
using Jesus.Inference.Contract;
using Jesus.Inference.Tests.Adapters.Local;
using Jesus.Transport.Http;

namespace Jesus.Inference.Tests.Adapters.Vllm;

/// <summary>Against a server of ours that answers as vLLM's documentation says.</summary>
public sealed class VllmAdapterTests
{
    private const string Models = """{"object":"list","data":[{"id":"m","object":"model","max_model_len":32768},{"id":"lora","object":"model","max_model_len":16384}]}""";

    [Theory]
    [InlineData(3, 0, 0.5, int.MaxValue, 3)]
    [InlineData(3, 2, 0.5, 0, 5)]
    [InlineData(3, 0, 0.99, 0, 3)]
    public async Task Its_metrics_say_whether_it_could_take_more(int running, int waiting, double cache, int free, int inProgress)
    {
        await using var server = new Upstream().Answers("/metrics", Metrics(running, waiting, cache)).Answers("/v1/models", Models);
        var seen = await SeenAsync(server);
        Assert.Equal((true, free, inProgress, 16_384), (seen.Available, seen.FreeSlots, seen.InProgress, seen.ContextTokens));
    }

    [Fact]
    public async Task Without_metrics_its_load_is_asked()
    {
        await using var server = new Upstream().Answers("/load", """{"server_load":7}""").Answers("/v1/models", Models);
        Assert.Equal((true, 7), ((await SeenAsync(server)).Available, (await SeenAsync(server)).InProgress));
    }

    [Fact]
    public async Task Grammars_and_priorities_are_sent_in_its_own_words()
    {
        await using var server = new Upstream().Streams(
            "/v1/chat/completions",
            """{"choices":[{"index":0,"delta":{"content":"a","reasoning":"hm"},"logprobs":null,"finish_reason":"stop","stop_reason":"END","token_ids":null}]}""",
            "[DONE]");
        var request = Request();
        request.Priority = -3;
        request.Constraint.Kind = ConstraintKind.Regex;
        request.Constraint.Source = request.Text.Copy("a+");
        var sink = new RecordingSink();
        using var adapter = Adapter(server);
        var result = await adapter.CallAsync(request, sink, TestContext.Current.CancellationToken);
        Assert.Equal(["Started", "Reasoning hm", "Text a", "Finished StopSequence END"], Upstream.Lines(sink));
        Assert.Equal(FinishReason.StopSequence, result.Reason);
        var body = JsonNode.Parse(server.BodyOf("/v1/chat/completions"))!;
        Assert.Equal(("a+", -3), ((string?)body["structured_outputs"]!["regex"], (int)body["priority"]!));
    }

    [Fact]
    public async Task Reasoning_goes_back_with_its_turn()
    {
        await using var server = new Upstream().Streams("/v1/chat/completions", """{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}""", "[DONE]");
        var request = Request();
        request.Turns.Begin(TurnRole.Assistant);
        request.Turns.Add(new TurnPart(PartKind.Reasoning, request.Text.Copy("hm")));
        request.Turns.Add(new TurnPart(PartKind.Text, request.Text.Copy("yes")));
        using var adapter = Adapter(server);
        await adapter.CallAsync(request, new RecordingSink(), TestContext.Current.CancellationToken);
        Assert.Equal(
            """{"role":"assistant","content":"yes","reasoning_content":"hm"}""",
            JsonNode.Parse(server.BodyOf("/v1/chat/completions"))!["messages"]![1]!.ToJsonString());
    }

    [Theory]
    [InlineData("""{"count":9,"max_model_len":4096,"tokens":[1,2]}""", false, 9, UsageQuality.Exact)]
    [InlineData("""{"detail":"Not Found"}""", false, 34, UsageQuality.Estimated)]
    [InlineData("""{"count":9}""", true, 8_226, UsageQuality.Estimated)]
    public async Task A_prompt_is_counted_by_its_own_tokenizer_unless_images_are_in_it(string answer, bool image, int tokens, UsageQuality quality)
    {
        await using var server = new Upstream().Answers("/tokenize", answer);
        var request = Request();
        request.Operation = ModelOperation.CountTokens;
        if (image)
        {
            request.Turns.Add(new TurnPart(PartKind.Image, request.Text.Copy("https://images.example/a.png")));
        }

        using var adapter = Adapter(server);
        var result = await adapter.CallAsync(request, new RecordingSink(), TestContext.Current.CancellationToken);
        Assert.Equal((tokens, quality), (result.Usage.InputTokens, result.Quality));
    }

    private static string Metrics(int running, int waiting, double cache) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $$"""
        # HELP vllm:num_requests_running Number of requests in model execution batches.
        # TYPE vllm:num_requests_running gauge
        vllm:num_requests_running{engine="0",model_name="a } b"} {{running}}.0
        vllm:num_requests_waiting{engine="0",model_name="a } b"} {{waiting}}.0
        vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 99.0
        vllm:kv_cache_usage_perc{engine="0",model_name="a } b"} {{cache}}

        """);

    private static async Task<CapacitySnapshot> SeenAsync(Upstream server)
    {
        using var adapter = Adapter(server);
        while (true)
        {
            var seen = adapter.Capacity(default);
            if (seen.InProgress >= 0)
            {
                return seen;
            }

            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    private static VllmAdapter Adapter(Upstream server) =>
        new(new VllmOptions { Provider = "p", Url = server.Url(), PollMs = 60_000, Priorities = true }, TcpNetwork.Instance, TimeProvider.System);

    private static ModelRequest Request()
    {
        var request = new ModelRequest();
        request.Model = request.Text.Copy("m");
        request.Turns.Add(TurnRole.User, request.Text.Copy("hi"));
        return request;
    }
}
