using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>How a model was taught to write tool calls.</summary>
public enum ToolCallForm : byte
{
    /// <summary><c>&lt;tool_call&gt;{"name":"f","arguments":{}}&lt;/tool_call&gt;</c>: Hermes, Qwen, SmolLM, Granite 4.</summary>
    Hermes,

    /// <summary><c>{"name":"f","parameters":{}}</c> as the whole answer or behind <c>&lt;|python_tag|&gt;</c>, several with <c>;</c> between: Llama 3.</summary>
    Llama3,

    /// <summary><c>[TOOL_CALLS]</c>, then <c>[{"name":"f","arguments":{}}]</c> or <c>f[ARGS]{}</c>: Mistral.</summary>
    Mistral,

    /// <summary><c>&lt;|tool_call|&gt;[{"name":"f","arguments":{}}]</c>: Granite 3.</summary>
    Granite,

    /// <summary>Messages with channels: <c>&lt;|channel|&gt;commentary to=functions.f &lt;|constrain|&gt;json&lt;|message|&gt;{}</c>: gpt-oss.</summary>
    Harmony,
}

/// <summary>How a model marks what it thinks before it answers.</summary>
public enum ReasoningForm : byte
{
    None,

    /// <summary><c>&lt;think&gt;</c> ... <c>&lt;/think&gt;</c>: Qwen 3, DeepSeek R1, SmolLM 3.</summary>
    Think,

    /// <summary><c>[THINK]</c> ... <c>[/THINK]</c>: Magistral.</summary>
    BracketThink,

    /// <summary>Harmony's channel <c>analysis</c>.</summary>
    Channel,
}

/// <summary>How a model writes what is not plain text. Its markers are control tokens where the vocabulary has them as such, plain text where it does not.</summary>
/// <param name="Calls">Tool calls.</param>
/// <param name="Reasoning">Reasoning.</param>
public readonly record struct AnswerForm(ToolCallForm Calls, ReasoningForm Reasoning)
{
    public ReadOnlySpan<byte> ReasoningOpen => Reasoning switch { ReasoningForm.Think => "<think>"u8, ReasoningForm.BracketThink => "[THINK]"u8, _ => default };

    public ReadOnlySpan<byte> ReasoningClose => Reasoning switch { ReasoningForm.Think => "</think>"u8, ReasoningForm.BracketThink => "[/THINK]"u8, _ => default };

    /// <summary>What opens a call; empty for Harmony, whose headers do.</summary>
    public ReadOnlySpan<byte> CallOpen => Calls switch
    {
        ToolCallForm.Hermes => "<tool_call>"u8,
        ToolCallForm.Llama3 => "<|python_tag|>"u8,
        ToolCallForm.Mistral => "[TOOL_CALLS]"u8,
        ToolCallForm.Granite => "<|tool_call|>"u8,
        _ => default,
    };

    /// <summary>Text that is not parsed would show the marks of channels or reasoning.</summary>
    public bool IsAlwaysParsed => Reasoning != ReasoningForm.None;

    /// <summary>Read off what the model's template writes and its vocabulary holds; what says nothing is taken for the Hermes form, the most common.</summary>
    public static AnswerForm Of(Vocabulary vocabulary, string template)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        ArgumentNullException.ThrowIfNull(template);
        bool Has(string marker) => vocabulary.FindSpecial(System.Text.Encoding.UTF8.GetBytes(marker)) >= 0;
        bool Writes(string text) => template.Contains(text, StringComparison.Ordinal);
        if (Has("<|channel|>") && Has("<|message|>"))
        {
            return new AnswerForm(ToolCallForm.Harmony, ReasoningForm.Channel);
        }

        var calls = Writes("<tool_call>") ? ToolCallForm.Hermes
            : Writes("[TOOL_CALLS]") ? ToolCallForm.Mistral
            : Writes("<|tool_call|>") ? ToolCallForm.Granite
            : Writes("<|python_tag|>") || (Has("<|python_tag|>") && Writes("parameters")) ? ToolCallForm.Llama3
            : ToolCallForm.Hermes;
        var reasoning = Writes("<think>") || Writes("</think>") || Has("</think>") ? ReasoningForm.Think
            : Writes("[THINK]") || Has("[THINK]") ? ReasoningForm.BracketThink
            : ReasoningForm.None;
        return new AnswerForm(calls, reasoning);
    }
}
