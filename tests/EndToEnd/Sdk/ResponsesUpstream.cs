namespace Jesus.EndToEnd.Sdk;

/// <summary>A provider of OpenAI's chat API as the tests of the Responses API script it: an answer, a tool to call, one without end and one that is cut.</summary>
internal static class ResponsesUpstream
{
    public const string Config =
        """
        {
          "providers": {
            "cloud": {
              "adapter": "openai-compatible", "url": "UPSTREAM/v1", "leavesBox": false,
              "models": [ { "name": "hello" }, { "name": "tool" }, { "name": "endless" }, { "name": "cut" } ]
            }
          }
        }
        """;

    public static void Prepare(ScriptedUpstream upstream)
    {
        upstream.On("hello", call => AnswerAsync(
            call, Delta("hello", """{"role":"assistant","content":"Hello"}"""), Delta("hello", """{"content":" there"}"""), End("hello", "stop")));
        upstream.On("tool", ToolAsync);
        upstream.On("endless", EndlessAsync);
        upstream.On("cut", CutAsync);
    }

    /// <summary>Calls the tool until its result is there, then says the question and the result.</summary>
    private static Task ToolAsync(UpstreamCall call)
    {
        var messages = call.Json.GetProperty("messages").EnumerateArray().ToArray();
        if (messages.LastOrDefault(m => m.GetProperty("role").GetString() == "tool") is { ValueKind: System.Text.Json.JsonValueKind.Object } result)
        {
            var question = messages.First(m => m.GetProperty("role").GetString() == "user").GetProperty("content");
            var text = $"{Words(question)} It is {Words(result.GetProperty("content"))}";
            return AnswerAsync(call, Delta("tool", $$"""{"role":"assistant","content":"{{text}}"}"""), End("tool", "stop"));
        }

        return AnswerAsync(
            call,
            Delta("tool", """{"role":"assistant","tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"calc","arguments":""}}]}"""),
            Delta("tool", """{"tool_calls":[{"index":0,"function":{"arguments":"{\"expression\":"}}]}"""),
            Delta("tool", """{"tool_calls":[{"index":0,"function":{"arguments":"\"2+2\"}"}}]}"""),
            End("tool", "tool_calls"));
    }

    private static async Task EndlessAsync(UpstreamCall call)
    {
        await call.Connection.BeginEventsAsync();
        await call.Connection.ChunkAsync("data: " + Delta("endless", """{"role":"assistant","content":"on and "}""") + "\n\n");
        await call.Connection.StallAsync();
    }

    private static async Task CutAsync(UpstreamCall call)
    {
        await call.Connection.BeginEventsAsync();
        await call.Connection.ChunkAsync("data: " + Delta("cut", """{"role":"assistant","content":"Hel"}""") + "\n\n");
        call.Connection.Close();
    }

    private static Task AnswerAsync(UpstreamCall call, params string[] events) => call.EventsAsync([.. events, "[DONE]"]);

    private static string Words(System.Text.Json.JsonElement content) =>
        content.ValueKind == System.Text.Json.JsonValueKind.String ? content.GetString()! : content[0].GetProperty("text").GetString()!;

    private static string Delta(string model, string delta) => Chunk(model, delta, "null", "");

    private static string End(string model, string reason) =>
        Chunk(model, "{}", $"\"{reason}\"", ",\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}");

    private static string Chunk(string model, string delta, string reason, string more) =>
        $"{{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"{model}\","
        + $"\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{reason}}}]{more}}}";
}
