namespace Jesus.Tests.Faults;

/// <summary>Anthropic API reference, "Messages", "Streaming messages" and "Errors". The prompt's usage stands at the start, the answer's at the end.</summary>
internal sealed class AnthropicApi : UpstreamApi
{
    public override string Name => "Anthropic messages";
    public override string End => Event("{\"type\":\"message_stop\"}", "message_stop");

    public override string Opening(StatedUsage usage) => Event(
        "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],"
        + "\"stop_reason\":null,\"stop_sequence\":null"
        + (usage == default ? "}}" : $",\"usage\":{Members(("input_tokens", usage.Input), ("output_tokens", usage.Output is null ? null : 1))}}}}}"), "message_start")
        + Event("{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}", "content_block_start")
        + Event("{\"type\":\"ping\"}", "ping");

    public override string Text(string text) =>
        Event($"{{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":{Quote(text)}}}}}", "content_block_delta");

    /// <summary>Block 0 is the text's, so a tool call's block has the number after its own.</summary>
    public override string ToolCall(int index, string? id, string name, string arguments) =>
        Event(
            $"{{\"type\":\"content_block_start\",\"index\":{index + 1},\"content_block\":{{\"type\":\"tool_use\",{(id is null ? "" : $"\"id\":{Quote(id)},")}"
            + $"\"name\":{Quote(name)},\"input\":{{}}}}}}", "content_block_start")
        + Event(
            $"{{\"type\":\"content_block_delta\",\"index\":{index + 1},\"delta\":{{\"type\":\"input_json_delta\",\"partial_json\":{Quote(arguments)}}}}}",
            "content_block_delta")
        + Event($"{{\"type\":\"content_block_stop\",\"index\":{index + 1}}}", "content_block_stop");

    public override string Closing(StatedUsage usage, bool toolCalls = false) =>
        Event("{\"type\":\"content_block_stop\",\"index\":0}", "content_block_stop")
        + Event(
            $"{{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"{(toolCalls ? "tool_use" : "end_turn")}\",\"stop_sequence\":null}}"
            + (usage.Output is null ? "}" : $",\"usage\":{Members(("output_tokens", usage.Output))}}}"), "message_delta");

    public override string Whole(string text, StatedUsage usage) =>
        $"{{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[{{\"type\":\"text\",\"text\":{Quote(text)}}}],"
        + "\"stop_reason\":\"end_turn\",\"stop_sequence\":null"
        + (usage == default ? "}" : $",\"usage\":{Members(("input_tokens", usage.Input), ("output_tokens", usage.Output))}}}");

    public override string Error(UpstreamError error, string message) =>
        $"{{\"type\":\"error\",\"error\":{{\"type\":{Quote(TypeOf(error))},\"message\":{Quote(Words(error, message))}}},\"request_id\":\"req_1\"}}";

    public override string ErrorEvent(UpstreamError error, string message) => Event(Error(error, message), "error");

    /// <summary>Both are an <c>invalid_request_error</c> that only its words tell apart.</summary>
    private static string Words(UpstreamError error, string message) => error switch
    {
        UpstreamError.ContextTooLong => "prompt is too long: 250000 tokens > 200000 maximum",
        UpstreamError.ContentPolicy => "Output blocked by content filtering policy",
        _ => message,
    };

    private static string TypeOf(UpstreamError error) => error switch
    {
        UpstreamError.RateLimited => "rate_limit_error",
        UpstreamError.Overloaded => "overloaded_error",
        UpstreamError.Internal => "api_error",
        UpstreamError.Unauthorized => "authentication_error",
        UpstreamError.NotFound => "not_found_error",
        _ => "invalid_request_error",
    };
}
