using System.Text.Json;

namespace Jesus.EndToEnd.Sdk;

/// <summary>A provider of OpenAI's API as the tests of both OpenAI clients script it: one model for each thing that it can do or suffer.</summary>
internal static class OpenAiUpstream
{
    private static readonly string[] Models =
        ["hello", "echo", "parallel", "agent", "logprobs", "refuses", "reasons", "limited", "broken", "cut", "endless", "embed", "rank"];

    public static string Config { get; } =
        $$"""
        { "providers": { "cloud": { "adapter": "openai-compatible", "url": "UPSTREAM/v1", "leavesBox": false,
          "models": [ {{string.Join(", ", Models.Select(model => $$"""{ "name": "{{model}}" }"""))}} ] } } }
        """;

    public static void Prepare(ScriptedUpstream upstream)
    {
        upstream.OnChat("hello", Whole("""{"role":"assistant","content":"Hello there"}""", "stop", ",\"vendor_field\":1.5"),
            Chunk("""{"role":"assistant","content":"Hello"}"""), Chunk("""{"content":" there"}"""), Chunk("{}", "\"stop\""), Usage, "[DONE]");
        upstream.On("echo", call => call.Connection.RespondAsync("200 OK",
            Whole($$"""{"role":"assistant","content":"{{JsonEncodedText.Encode(call.Body)}}"}""", "stop")));
        upstream.OnChat("parallel", Whole($$"""{"role":"assistant","content":null,"tool_calls":[{{Call("call_a", "1+1")}},{{Call("call_b", "2+2")}}]}""", "tool_calls"),
            Chunk("""{"role":"assistant","content":null}"""),
            Chunk("""{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"calc","arguments":""}}]}"""),
            Chunk("""{"tool_calls":[{"index":0,"function":{"arguments":"{\"expression\":"}}]}"""),
            Chunk("""{"tool_calls":[{"index":0,"function":{"arguments":"\"1+1\"}"}}]}"""),
            Chunk("""{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"calc","arguments":"{\"expression\":\"2+2\"}"}}]}"""),
            Chunk("{}", "\"tool_calls\""), Usage, "[DONE]");
        upstream.On("agent", call => call.Connection.RespondAsync("200 OK", Agent(call)));
        upstream.OnJson("logprobs", Whole("""{"role":"assistant","content":"Hi"}""", "stop").Replace("\"logprobs\":null",
            """
            "logprobs":{"content":[{"token":"Hi","logprob":-0.1,"bytes":[72,105],"top_logprobs":[{"token":"Hi","logprob":-0.1,"bytes":[72,105]},
            {"token":"Ho","logprob":-3,"bytes":[72,111]}]}],"refusal":null}
            """, StringComparison.Ordinal));
        upstream.OnChat("refuses", Whole("""{"role":"assistant","content":null,"refusal":"I can not help with that."}""", "stop"),
            Chunk("""{"role":"assistant","content":null,"refusal":"I can not"}"""), Chunk("""{"refusal":" help with that."}"""), Chunk("{}", "\"stop\""), Usage, "[DONE]");
        upstream.OnJson("reasons", Whole("""{"role":"assistant","content":"Yes","reasoning_content":"hm"}""", "stop"));
        upstream.OnJson("limited", """{"error":{"message":"slow down","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}""",
            "429 Too Many Requests", "retry-after: 1\r\n");
        upstream.OnJson("broken", """{"error":{"message":"oh","type":"server_error","param":null,"code":null}}""", "500 Internal Server Error");
        upstream.On("cut", CutAsync);
        upstream.On("endless", EndlessAsync);
        upstream.OnJson("embed", $$$"""
            {"object":"list","data":[{"object":"embedding","index":0,"embedding":"{{{Base64(0.5f, -1.25f)}}}"},{"object":"embedding","index":1,
            "embedding":"{{{Base64(2f, 0f)}}}"}],"model":"embed","usage":{"prompt_tokens":2,"total_tokens":2}}
            """);
        upstream.OnJson("rank", """
            {"model":"rank","results":[{"index":1,"relevance_score":0.75},{"index":0,"relevance_score":0.25}],"usage":{"total_tokens":4,"prompt_tokens":4}}
            """);
    }

    private const string Usage =
        """
        {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":4,"total_tokens":9}}
        """;

    private static string Whole(string message, string reason, string more = "") => $$$$"""
        {"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{{{{message}}}},"logprobs":null,
        "finish_reason":"{{{{reason}}}}"}],"usage":{"prompt_tokens":5,"completion_tokens":4,"total_tokens":9,"prompt_tokens_details":{"cached_tokens":4},
        "completion_tokens_details":{"reasoning_tokens":3}}{{{{more}}}}}
        """;

    private static string Chunk(string delta, string reason = "null") =>
        $$$"""{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{{{delta}}},"finish_reason":{{{reason}}}}]}""";

    private static string Call(string id, string expression) =>
        $$$"""{"id":"{{{id}}}","type":"function","function":{"name":"calc","arguments":"{\"expression\":\"{{{expression}}}\"}"}}""";

    /// <summary>First calls a tool, then repeats its result.</summary>
    private static string Agent(UpstreamCall call)
    {
        var last = call.Json.GetProperty("messages").EnumerateArray().Last();
        return last.GetProperty("role").GetString() == "tool"
            ? Whole($$"""{"role":"assistant","content":"It is: {{last.GetProperty("content").GetString()}}"}""", "stop")
            : Whole($$"""{"role":"assistant","content":null,"tool_calls":[{{Call("call_1", "1+1")}}]}""", "tool_calls");
    }

    private static async Task CutAsync(UpstreamCall call)
    {
        await call.Connection.BeginEventsAsync();
        await call.Connection.ChunkAsync("data: " + Chunk("""{"role":"assistant","content":"Half"}""") + "\n\n");
        call.Connection.Close();
    }

    private static async Task EndlessAsync(UpstreamCall call)
    {
        await call.Connection.BeginEventsAsync();
        while (true)
        {
            await call.Connection.ChunkAsync("data: " + Chunk("""{"content":"and "}""") + "\n\n");
            await call.Connection.WaitAsync(20);
        }
    }

    private static string Base64(params float[] values) => Convert.ToBase64String([.. values.SelectMany(BitConverter.GetBytes)]);
}
