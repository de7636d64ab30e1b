namespace Jesus.Tests.Faults;

/// <summary>OpenAI API reference, "Chat completions" and "Streaming".</summary>
internal sealed class OpenAiChatApi : UpstreamApi
{
    private const string Head = "\"id\":\"chatcmpl-1\",\"created\":1700000000,\"model\":\"m\"";

    public override string Name => "OpenAI chat";
    public override string End => "data: [DONE]\n\n";

    public override string Opening(StatedUsage usage) => Chunk("{\"role\":\"assistant\",\"content\":\"\"}");

    public override string Text(string text) => Chunk($"{{\"content\":{Quote(text)}}}");

    public override string ToolCall(int index, string? id, string name, string arguments) => Chunk(
        $"{{\"tool_calls\":[{{\"index\":{index},{(id is null ? "" : $"\"id\":{Quote(id)},")}\"type\":\"function\","
        + $"\"function\":{{\"name\":{Quote(name)},\"arguments\":{Quote(arguments)}}}}}]}}");

    public override string Closing(StatedUsage usage, bool toolCalls = false) =>
        Chunk("{}", toolCalls ? "tool_calls" : "stop") +
        (usage == default ? "" : Event($"{{{Head},\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{UsageOf(usage)}}}"));

    public override string Whole(string text, StatedUsage usage) =>
        $"{{{Head},\"object\":\"chat.completion\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":{Quote(text)}}},\"finish_reason\":\"stop\"}}]" +
        (usage == default ? "}" : $",\"usage\":{UsageOf(usage)}}}");

    public override string Error(UpstreamError error, string message) =>
        $"{{\"error\":{{\"message\":{Quote(message)},\"type\":{Quote(TypeOf(error))},\"param\":null,\"code\":{Quote(CodeOf(error))}}}}}";

    public override string ErrorEvent(UpstreamError error, string message) => Event(Error(error, message));

    private static string Chunk(string delta, string? reason = null) =>
        Event($"{{{Head},\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{(reason is null ? "null" : Quote(reason))}}}]}}");

    private static string UsageOf(StatedUsage usage) => Members(("prompt_tokens", usage.Input), ("completion_tokens", usage.Output));

    private static string TypeOf(UpstreamError error) => error switch
    {
        UpstreamError.RateLimited => "rate_limit_error",
        UpstreamError.Overloaded or UpstreamError.Internal => "server_error",
        UpstreamError.Unauthorized => "authentication_error",
        _ => "invalid_request_error",
    };

    private static string CodeOf(UpstreamError error) => error switch
    {
        UpstreamError.RateLimited => "rate_limit_exceeded",
        UpstreamError.Overloaded => "overloaded",
        UpstreamError.Unauthorized => "invalid_api_key",
        UpstreamError.NotFound => "model_not_found",
        UpstreamError.ContextTooLong => "context_length_exceeded",
        UpstreamError.ContentPolicy => "content_policy_violation",
        UpstreamError.Internal => "server_error",
        _ => "invalid_value",
    };
}
