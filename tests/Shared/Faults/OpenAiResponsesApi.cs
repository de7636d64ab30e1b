namespace Jesus.Tests.Faults;

/// <summary>OpenAI API reference, "Responses" and its streaming events; every event carries a rising <c>sequence_number</c>.</summary>
internal sealed class OpenAiResponsesApi : UpstreamApi
{
    private const string Message = "\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\"";
    private int _sequence;

    public override string Name => "OpenAI responses";

    /// <summary>The stream ends with its last event; nothing marks the end besides.</summary>
    public override string End => "";

    public override string Opening(StatedUsage usage) =>
        Named("response.created", $"\"response\":{Response("in_progress", "", default)}")
        + Named("response.in_progress", $"\"response\":{Response("in_progress", "", default)}")
        + Named("response.output_item.added", $"\"output_index\":0,\"item\":{{{Message},\"status\":\"in_progress\",\"content\":[]}}")
        + Named("response.content_part.added", "\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[]}");

    public override string Text(string text) =>
        Named("response.output_text.delta", $"\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":{Quote(text)}");

    public override string ToolCall(int index, string? id, string name, string arguments)
    {
        var item = $"\"id\":\"fc_{index}\",\"type\":\"function_call\",{(id is null ? "" : $"\"call_id\":{Quote(id)},")}\"name\":{Quote(name)}";
        return Named("response.output_item.added", $"\"output_index\":{index + 1},\"item\":{{{item},\"status\":\"in_progress\",\"arguments\":\"\"}}")
            + Named("response.function_call_arguments.delta", $"\"item_id\":\"fc_{index}\",\"output_index\":{index + 1},\"delta\":{Quote(arguments)}")
            + Named("response.function_call_arguments.done", $"\"item_id\":\"fc_{index}\",\"output_index\":{index + 1},\"arguments\":{Quote(arguments)}")
            + Named("response.output_item.done", $"\"output_index\":{index + 1},\"item\":{{{item},\"status\":\"completed\",\"arguments\":{Quote(arguments)}}}");
    }

    public override string Closing(StatedUsage usage, bool toolCalls = false) =>
        Named("response.completed", $"\"response\":{Response("completed", Item("Hello"), usage)}");

    public override string Whole(string text, StatedUsage usage) => Response("completed", Item(text), usage);

    public override string Error(UpstreamError error, string message) => OpenAiChat.Error(error, message);

    /// <summary>"error" has its members at the top, not in an object.</summary>
    public override string ErrorEvent(UpstreamError error, string message) => Named(
        "error",
        $"\"code\":{Quote(error == UpstreamError.RateLimited ? "rate_limit_exceeded" : error == UpstreamError.Overloaded ? "overloaded" : "server_error")}"
        + $",\"message\":{Quote(message)},\"param\":null");

    public override string Failure(UpstreamError error, string message) => Named(
        "response.failed",
        "\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"failed\",\"output\":[],\"usage\":null,"
        + $"\"error\":{{\"code\":{Quote(error == UpstreamError.RateLimited ? "rate_limit_exceeded" : "server_error")},\"message\":{Quote(message)}}}}}");

    private string Named(string type, string members) =>
        Event($"{{\"type\":\"{type}\",\"sequence_number\":{Interlocked.Increment(ref _sequence)},{members}}}", type);

    private static string Item(string text) =>
        $"{{{Message},\"status\":\"completed\",\"content\":[{{\"type\":\"output_text\",\"text\":{Quote(text)},\"annotations\":[]}}]}}";

    private static string Response(string status, string output, StatedUsage usage)
    {
        var total = usage.Input + usage.Output;
        return $"{{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1700000000,\"status\":\"{status}\",\"error\":null,"
            + $"\"incomplete_details\":null,\"model\":\"m\",\"output\":[{output}],\"usage\":"
            + (usage == default ? "null}" : $"{Members(("input_tokens", usage.Input), ("output_tokens", usage.Output), ("total_tokens", total))}}}");
    }
}
