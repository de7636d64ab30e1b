using System.Text.Json;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>The fields of a Messages request that are known.</summary>
internal enum MessageField : byte
{
    Model,
    Messages,
    System,
    MaxTokens,
    Stream,
    Temperature,
    TopP,
    TopK,
    StopSequences,
    Tools,
    ToolChoice,
    Thinking,
    OutputConfig,
    OutputFormat,
    Metadata,
    ServiceTier,
    CacheControl,
    Container,
    ContextManagement,
    McpServers,
    InferenceGeo,
    Speed,
    Diagnostics,

    /// <summary>Refused by name.</summary>
    Unknown,
}

/// <summary>What becomes of a thing that the API knows.</summary>
internal enum Treatment : byte
{
    /// <summary>Every candidate that answers does what it asks.</summary>
    Honoured,

    /// <summary>Only a candidate to which the body is forwarded as it came can do what it asks; without one the call is refused by the name.</summary>
    ForwardedOnly,
}

/// <summary>One known field. <paramref name="Counts"/>: it is allowed in <c>count_tokens</c> too.</summary>
internal readonly record struct KnownField(string Name, MessageField Field, Treatment Treatment, bool Counts);

/// <summary>
/// What this gateway does with the API's names (Anthropic API reference, "Messages"). <c>docs/api-anthropic.md</c> shows these tables, and a test compares them.
/// </summary>
internal static class MessageFields
{
    public static IReadOnlyList<KnownField> All { get; } =
    [
        new("model", MessageField.Model, Treatment.Honoured, true),
        new("messages", MessageField.Messages, Treatment.Honoured, true),
        new("system", MessageField.System, Treatment.Honoured, true),
        new("max_tokens", MessageField.MaxTokens, Treatment.Honoured, false),
        new("stream", MessageField.Stream, Treatment.Honoured, false),
        new("temperature", MessageField.Temperature, Treatment.Honoured, false),
        new("top_p", MessageField.TopP, Treatment.Honoured, false),
        new("top_k", MessageField.TopK, Treatment.Honoured, false),
        new("stop_sequences", MessageField.StopSequences, Treatment.Honoured, false),
        new("tools", MessageField.Tools, Treatment.Honoured, true),
        new("tool_choice", MessageField.ToolChoice, Treatment.Honoured, true),
        new("thinking", MessageField.Thinking, Treatment.Honoured, true),
        new("output_config", MessageField.OutputConfig, Treatment.Honoured, true),
        new("output_format", MessageField.OutputFormat, Treatment.Honoured, true),
        new("metadata", MessageField.Metadata, Treatment.Honoured, false),
        new("service_tier", MessageField.ServiceTier, Treatment.Honoured, false),
        new("cache_control", MessageField.CacheControl, Treatment.Honoured, true),
        new("container", MessageField.Container, Treatment.ForwardedOnly, false),
        new("context_management", MessageField.ContextManagement, Treatment.ForwardedOnly, true),
        new("mcp_servers", MessageField.McpServers, Treatment.ForwardedOnly, true),
        new("inference_geo", MessageField.InferenceGeo, Treatment.ForwardedOnly, false),
        new("speed", MessageField.Speed, Treatment.ForwardedOnly, true),
        new("diagnostics", MessageField.Diagnostics, Treatment.ForwardedOnly, false),
    ];

    /// <summary>Content blocks by type. What is neither here is refused.</summary>
    public static IReadOnlyList<(string Type, Treatment Treatment)> Blocks { get; } =
    [
        ("text", Treatment.Honoured),
        ("image", Treatment.Honoured),
        ("tool_use", Treatment.Honoured),
        ("tool_result", Treatment.Honoured),
        ("thinking", Treatment.Honoured),
        ("redacted_thinking", Treatment.Honoured),
        ("document", Treatment.ForwardedOnly),
        ("search_result", Treatment.ForwardedOnly),
        ("server_tool_use", Treatment.ForwardedOnly),
        ("web_search_tool_result", Treatment.ForwardedOnly),
        ("web_fetch_tool_result", Treatment.ForwardedOnly),
        ("code_execution_tool_result", Treatment.ForwardedOnly),
        ("bash_code_execution_tool_result", Treatment.ForwardedOnly),
        ("text_editor_code_execution_tool_result", Treatment.ForwardedOnly),
        ("tool_search_tool_result", Treatment.ForwardedOnly),
        ("tool_reference", Treatment.ForwardedOnly),
        ("mcp_tool_use", Treatment.ForwardedOnly),
        ("mcp_tool_result", Treatment.ForwardedOnly),
        ("container_upload", Treatment.ForwardedOnly),
        ("compaction", Treatment.ForwardedOnly),
    ];

    /// <summary>
    /// Values of <c>anthropic-beta</c> that ask for nothing beyond what every answer here does anyway: an API that has left its beta, or a liberty that is
    /// not taken. Any other makes the request one that can only be forwarded.
    /// </summary>
    public static IReadOnlyList<string> HonouredBetas { get; } =
    [
        "message-batches-2024-09-24",
        "prompt-caching-2024-07-31",
        "token-counting-2024-11-01",
        "tools-2024-04-04",
        "tools-2024-05-16",
        "max-tokens-3-5-sonnet-2024-07-15",
        "output-128k-2025-02-19",
        "token-efficient-tools-2025-02-19",
        "interleaved-thinking-2025-05-14",
        "fine-grained-tool-streaming-2025-05-14",
        "extended-cache-ttl-2025-04-11",
        "claude-code-20250219",
        "structured-outputs-2025-09-17",
        "structured-outputs-2025-11-13",
        "effort-2025-11-24",
    ];

    private static readonly byte[][] Names = [.. All.Select(field => System.Text.Encoding.UTF8.GetBytes(field.Name))];
    private static readonly byte[][] BlockNames = [.. Blocks.Select(block => System.Text.Encoding.UTF8.GetBytes(block.Type))];

    /// <returns>Null when the current property is not known.</returns>
    public static KnownField? Find(ref Utf8JsonReader reader)
    {
        for (var i = 0; i < Names.Length; i++)
        {
            if (reader.ValueTextEquals(Names[i]))
            {
                return All[i];
            }
        }

        return null;
    }

    /// <returns>Null when there is no such block.</returns>
    public static Treatment? BlockTreatment(ReadOnlySpan<byte> type)
    {
        for (var i = 0; i < BlockNames.Length; i++)
        {
            if (type.SequenceEqual(BlockNames[i]))
            {
                return Blocks[i].Treatment;
            }
        }

        return null;
    }

    /// <summary>What to do instead, for names of older or other APIs.</summary>
    public static string Remedy(string name) => name switch
    {
        "prompt" or "max_tokens_to_sample" => "It belongs to the old text completions: send messages and max_tokens.",
        "stop" => "Use stop_sequences.",
        "n" or "seed" or "logprobs" or "response_format" => "It belongs to OpenAI's API; /v1/chat/completions takes it.",
        _ => "Leave it out: a field that would be ignored is refused, so that no answer differs silently from what was asked.",
    };
}
