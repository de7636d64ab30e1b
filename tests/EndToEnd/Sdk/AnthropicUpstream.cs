using System.Text.Json;

namespace Jesus.EndToEnd.Sdk;

/// <summary>A provider of OpenAI's chat API as the tests of both Anthropic clients script it: what they see is translated.</summary>
internal static class AnthropicUpstream
{
    public const string Config =
        """
        {
          "providers": {
            "cloud": { "adapter": "openai-compatible", "url": "UPSTREAM/v1", "leavesBox": false, "models": [
              { "name": "hello" }, { "name": "tools" }, { "name": "thinks" }, { "name": "busy" }, { "name": "cut" }, { "name": "slow" } ] },
            "claude": { "adapter": "anthropic", "url": "UPSTREAM", "leavesBox": false, "models": [ { "name": "wire" } ] }
          }
        }
        """;

    private const string Usage = """ "usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":2}} """;

    /// <summary>What the provider that speaks Anthropic's own API says: with fields that nobody here knows, and blanks where no writer of ours puts them.</summary>
    public const string Whole =
        """
        { "id":"msg_far", "type":"message","role":"assistant","model":"wire-2",
          "content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"text","text":"H\u00e9llo","citations":null}],
          "stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":4,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"novel":{"x":1}} }
        """;

    public static readonly string[] Events =
    [
        """{"type":"message_start","message":{"id":"msg_far","type":"message","role":"assistant","model":"w","content":[],"stop_reason":null"""
            + ""","stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":1}}}""",
        """{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}""",
        """{"type": "ping"}""",
        """{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"H\u00e9llo"} }""",
        """{"type":"content_block_stop","index":0}""",
        """{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":4},"novel":true}""",
        """{"type":"message_stop"}""",
    ];

    public static string Framed { get; } = string.Concat(Events.Select(data => $"event: {JsonDocument.Parse(data).RootElement.GetProperty("type").GetString()}\ndata: {data}\n\n"));

    public static void Prepare(ScriptedUpstream upstream)
    {
        upstream.OnChat("wire", Whole, [.. Events.Select(data => $"event: {JsonDocument.Parse(data).RootElement.GetProperty("type").GetString()}\ndata: {data}")]);
        upstream.On("hello", call => SayAsync(call, "stop", """{"content":"Hello"}""", """{"content":" there"}"""));
        upstream.On("thinks", call => SayAsync(call, "stop", """{"reasoning_content":"Let me see."}""", """{"content":"Yes."}"""));
        upstream.On("tools", ToolsAsync);
        upstream.On("busy", call => call.Connection.RespondAsync("429 Too Many Requests", """{"error":{"message":"slow down"}}""", headers: "retry-after: 7\r\n"));
        upstream.On("cut", CutAsync);
        upstream.On("slow", SlowAsync);
    }

    /// <summary>Two calls at first; once their results are there, a text that repeats them.</summary>
    private static Task ToolsAsync(UpstreamCall call)
    {
        var results = call.Json.GetProperty("messages").EnumerateArray().Where(message => message.GetProperty("role").GetString() == "tool")
            .Select(message => $"{message.GetProperty("tool_call_id").GetString()}={message.GetProperty("content").GetString()}").ToArray();
        return results.Length > 0
            ? SayAsync(call, "stop", JsonSerializer.Serialize(new { content = string.Join(' ', results) }))
            : SayAsync(call, "tool_calls",
                """{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"calc","arguments":""}}]}""",
                """{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}""",
                """{"tool_calls":[{"index":0,"function":{"arguments":":4}"}}]}""",
                """{"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"calc","arguments":"{\"a\":0}"}}]}""");
    }

    private static async Task CutAsync(UpstreamCall call)
    {
        await call.Connection.BeginEventsAsync();
        await call.Connection.ChunkAsync(Chunk("""{"content":"Hel"}""", null));
        call.Connection.Close();
    }

    private static async Task SlowAsync(UpstreamCall call)
    {
        await call.Connection.BeginEventsAsync();
        await call.Connection.ChunkAsync(Chunk("""{"content":"Hel"}""", null));
        await call.Connection.StallAsync();
    }

    private static Task SayAsync(UpstreamCall call, string reason, params string[] deltas) => call.EventsAsync(
    [
        .. deltas.Select(delta => Chunk(delta, null)["data: ".Length..^2]),
        Chunk("{}", reason)["data: ".Length..^2],
        "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[]," + Usage + "}",
        "[DONE]",
    ]);

    private static string Chunk(string delta, string? reason) =>
        "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":" + delta
        + ",\"finish_reason\":" + (reason is null ? "null" : $"\"{reason}\"") + "}]}\n\n";
}
