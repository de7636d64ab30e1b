namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>
/// How a model writes a tool call: the Hermes form of ChatML models, <c>&lt;tool_call&gt;\n{"name":"...","arguments":{...}}\n&lt;/tool_call&gt;</c>.
/// The markers are control tokens where the vocabulary has them, plain text where it does not.
/// </summary>
internal static class ToolCallForm
{
    /// <summary>Calls in one answer: more at once help no tool loop, and a model caught in a loop ends here.</summary>
    public const int CallsMax = 8;

    /// <summary>Bytes of a tool's name: OpenAI allows 64, MCP servers go beyond.</summary>
    public const int NameBytesMax = 256;

    /// <summary>Tools of one request: each is an alternative to follow until its name is told apart, and must be shown in the prompt.</summary>
    public const int ToolsMax = 128;

    public static ReadOnlySpan<byte> Open => "<tool_call>"u8;

    public static ReadOnlySpan<byte> Close => "</tool_call>"u8;
}
