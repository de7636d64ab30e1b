namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>Every limit of tool calls, each with its reason.</summary>
internal static class ToolCallLimits
{
    /// <summary>Calls in one answer: more at once help no tool loop, and a model caught in a loop ends here.</summary>
    public const int CallsMax = 8;

    /// <summary>Bytes of a tool's name: OpenAI allows 64, MCP servers go beyond.</summary>
    public const int NameBytesMax = 256;

    /// <summary>Tools of one request: each is an alternative to follow until its name is told apart, and must be shown in the prompt.</summary>
    public const int ToolsMax = 128;

    /// <summary>Bytes of a call's beginning that may still turn out to be text: a type, an id and a name.</summary>
    public const int UndecidedBytesMax = 2048;
}
