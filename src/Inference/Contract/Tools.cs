using Jesus.Transport.Buffers;

namespace Jesus.Inference.Contract;

/// <summary>A tool that the model may call. <see cref="Parameters"/> is a JSON schema of an object; empty means no arguments.</summary>
public readonly record struct ToolDefinition(Utf8Slice Name, Utf8Slice Description, Utf8Slice Parameters)
{
    /// <summary>Arguments must match the schema exactly (OpenAI's and Anthropic's <c>strict</c>).</summary>
    public bool Strict { get; init; }
    public CacheMark Cache { get; init; }
}

public enum ToolChoiceMode : byte
{
    /// <summary>The model decides.</summary>
    Auto,

    /// <summary>No tool may be called.</summary>
    None,

    /// <summary>Some tool must be called.</summary>
    Required,

    /// <summary>The tool <see cref="ToolChoice.Name"/> must be called.</summary>
    Named,
}

public readonly record struct ToolChoice(ToolChoiceMode Mode, Utf8Slice Name = default);
