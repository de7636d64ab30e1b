using System.Text.Json.Nodes;
using Jesus.Inference.Adapters.LlamaCpp;
using Jesus.Inference.Contract;
using Jesus.Inference.Tests.Adapters.Local;
using Jesus.Transport.Http;

namespace Jesus.Inference.Tests.Adapters.LlamaCpp;

/// <summary>Against a server of ours that answers as llama-server's documentation says.</summary>
public sealed class LlamaCppAdapterTests
{
    private const string Health = """{"status":"ok"}""";
    private const string Props = """
        {"default_generation_settings":{"id":0,"n_ctx":8192,"params":{"temperature":0.8}},"total_slots":4,"model_path":"/models/a.gguf","chat_template":"...","is_sleeping":false}
        """;
    private const string Slots = """
        [{"id":0,"id_task":135,"n_ctx":4096,"is_processing":true,"params":{}},{"id":1,"n_ctx":4096,"is_processing":false},{"id":2,"n_ctx":4096,"is_processing":true}]
        """;
    private const string Metrics = "# TYPE llamacpp:requests_processing gauge\nllamacpp:requests_processing 3\nllamacpp:requests_deferred 2\n";

    [Fact]
    public async Task Slots_and_what_waits_make_up_its_capacity()
    {
        await using var server = new Upstream().Answers("/health", Health).Answers("/props", Props).Answers("/slots", Slots).Answers("/metrics", Metrics);
        var seen = await SeenAsync(server);
        Assert.Equal((true, 3, 0, 4, 4096), (seen.Available, seen.TotalSlots, seen.FreeSlots, seen.InProgress, seen.ContextTokens));
    }

    [Fact]
    public async Task Without_a_queue_the_idle_slots_are_free()
    {
        await using var server = new Upstream().Answers("/health", Health).Answers("/props", Props).Answers("/slots", Slots)
            .Answers("/metrics", "llamacpp:requests_processing 2\nllamacpp:requests_deferred 0\n");
        var seen = await SeenAsync(server);
        Assert.Equal((1, 2), (seen.FreeSlots, seen.InProgress));
    }

    [Fact]
    public async Task Endpoints_that_are_switched_off_are_done_without()
    {
        const string Off = """{"error":{"code":501,"message":"This server does not support slots endpoint.","type":"not_supported_error"}}""";
        await using var server = new Upstream().Answers("/health", Health).Answers("/props", Props)
            .Answers("/slots", Off, "501 Not Implemented").Answers("/metrics", Off, "501 Not Implemented");
        var seen = await SeenAsync(server);
        Assert.Equal((true, 4, int.MaxValue, -1, 8192), (seen.Available, seen.TotalSlots, seen.FreeSlots, seen.InProgress, seen.ContextTokens));
    }

    [Fact]
    public async Task Metrics_alone_say_how_many_calls_are_under_way()
    {
        await using var server = new Upstream().Answers("/health", Health).Answers("/props", Props)
            .Answers("/slots", "{}", "403 Forbidden").Answers("/metrics", "llamacpp:requests_processing 3\nllamacpp:requests_deferred 0\n");
        var seen = await SeenAsync(server);
        Assert.Equal((4, 1, 3), (seen.TotalSlots, seen.FreeSlots, seen.InProgress));
    }

    [Fact]
    public async Task A_server_that_still_loads_its_model_is_not_available()
    {
        await using var server = new Upstream().Answers("/health", """{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}""", "503 Service Unavailable");
        Assert.False((await SeenAsync(server, s => !s.Available)).Available);
    }

    [Fact]
    public async Task Capacity_never_waits_for_a_server_that_says_nothing()
    {
        await using var server = new Upstream().On("/health", c => c.StallAsync());
        using var adapter = Adapter(server);
        for (var i = 0; i < 1_000; i++)
        {
            Assert.Equal((true, -1), (adapter.Capacity(default).Available, adapter.Capacity(default).InProgress));
        }

        Assert.InRange(server.Requests.Count, 0, 1);
    }

    [Fact]
    public async Task A_prompt_is_counted_by_its_own_template_and_tokenizer()
    {
        await using var server = new Upstream()
            .Answers("/apply-template", """{"prompt":"<|user|>\nsay \"hi\"<|end|>"}""")
            .Answers("/tokenize", """{"tokens":[1,529,29989,1792]}""");
        var result = await CountAsync(server);
        Assert.Equal((4, UsageQuality.Exact), (result.Usage.InputTokens, result.Quality));
        Assert.Equal(
            """[{"role":"user","content":"say \"hi\""}]""",
            JsonNode.Parse(server.BodyOf("/apply-template"))!["messages"]!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
        Assert.Equal("""{"content":"<|user|>\nsay \"hi\"<|end|>","add_special":true,"parse_special":true}""", server.BodyOf("/tokenize"));
    }

    [Theory]
    [InlineData("""{"prompt":"x"}""", """{"error":"no"}""")]
    [InlineData("""{"nothing":"x"}""", """{"tokens":[1]}""")]
    [InlineData("<html>", """{"tokens":[1]}""")]
    public async Task A_count_that_does_not_come_is_the_bound(string template, string tokens)
    {
        await using var server = new Upstream().Answers("/apply-template", template).Answers("/tokenize", tokens);
        var result = await CountAsync(server);
        Assert.Equal(UsageQuality.Estimated, result.Quality);
        Assert.True(result.Usage.InputTokens >= 8);
    }

    [Fact]
    public async Task A_grammar_is_sent_in_its_own_field()
    {
        await using var server = new Upstream().Streams("/v1/chat/completions", """{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}""", "[DONE]");
        var request = Request();
        request.Constraint.Kind = ConstraintKind.Grammar;
        request.Constraint.Source = request.Text.Copy("root ::= \"a\"");
        using var adapter = Adapter(server);
        var result = await adapter.CallAsync(request, new RecordingSink(), TestContext.Current.CancellationToken);
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal("root ::= \"a\"", (string?)JsonNode.Parse(server.BodyOf("/v1/chat/completions"))!["grammar"]);
    }

    private static async Task<CapacitySnapshot> SeenAsync(Upstream server, Func<CapacitySnapshot, bool>? until = null)
    {
        using var adapter = Adapter(server);
        until ??= s => s.TotalSlots > 0;
        while (true)
        {
            var seen = adapter.Capacity(default);
            if (until(seen))
            {
                return seen;
            }

            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    private static async Task<CallResult> CountAsync(Upstream server)
    {
        var request = Request();
        request.Operation = ModelOperation.CountTokens;
        using var adapter = Adapter(server);
        return await adapter.CallAsync(request, new RecordingSink(), TestContext.Current.CancellationToken);
    }

    private static LlamaCppAdapter Adapter(Upstream server) =>
        new(new LlamaCppOptions { Provider = "p", Url = server.Url(), PollMs = 60_000 }, TcpNetwork.Instance, TimeProvider.System);

    private static ModelRequest Request()
    {
        var request = new ModelRequest();
        request.Model = request.Text.Copy("m");
        request.Turns.Add(TurnRole.User, request.Text.Copy("say \"hi\""));
        return request;
    }
}
