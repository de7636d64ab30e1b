using System.Diagnostics.CodeAnalysis;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Engine.Templates;

/// <summary>How a template's <c>tojson</c> spaces its output when the template does not say.</summary>
public enum JsonSpacing : byte
{
    /// <summary><c>", "</c> and <c>": "</c>, as Transformers renders chat templates.</summary>
    Spaced,

    /// <summary><c>","</c> and <c>":"</c>.</summary>
    Compact,
}

/// <summary>What a rendering takes besides the request.</summary>
/// <param name="AddGenerationPrompt">End with the header of the assistant's turn.</param>
/// <param name="BosToken">The text of the tokenizer's begin token, empty when it has none.</param>
/// <param name="EosToken">The text of the tokenizer's end token.</param>
public readonly record struct TemplateSettings(bool AddGenerationPrompt = true, string BosToken = "", string EosToken = "");

/// <summary>A chat template (the Jinja subset that model files use), compiled once and immutable: renders on any thread.</summary>
public sealed class ChatTemplate
{
    private ChatTemplate()
    {
    }

    /// <param name="source">The text of <c>tokenizer.chat_template</c>.</param>
    /// <param name="spacing">How <c>tojson</c> spaces its output.</param>
    /// <param name="template">The compiled template.</param>
    /// <param name="error">Names what the template asks for that is not supported, with line and column.</param>
    public static bool TryCompile(string source, JsonSpacing spacing, [NotNullWhen(true)] out ChatTemplate? template, out ModelError error)
    {
        template = null;
        error = new ModelError(ErrorCause.UnsupportedField, "Chat templates are not implemented yet.");
        return false;
    }

    /// <summary>Renders a request's turns and tools. An error is the template's own refusal, a limit reached, or a part it cannot show.</summary>
    /// <param name="request">Its turns and, unless the choice is none, its tools.</param>
    /// <param name="settings">What the tokenizer adds.</param>
    /// <param name="output">Reset first.</param>
    /// <param name="error">What went wrong, with line and column.</param>
    public bool TryRender(ModelRequest request, in TemplateSettings settings, TemplateOutput output, out ModelError error)
    {
        output.Reset();
        error = new ModelError(ErrorCause.UnsupportedField, "Chat templates are not implemented yet.");
        return false;
    }
}
