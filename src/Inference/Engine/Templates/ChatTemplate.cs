using System.Diagnostics.CodeAnalysis;
using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Templates.Running;
using Jesus.Inference.Engine.Templates.Syntax;

namespace Jesus.Inference.Engine.Templates;

/// <summary>
/// A chat template (the Jinja subset that model files use), compiled once and immutable: renders on any thread. It reads its inputs and nothing else, takes
/// a bounded number of steps and writes a bounded text (<see cref="TemplateLimits"/>).
/// </summary>
public sealed class ChatTemplate
{
    private readonly List<Statement> _statements;
    private readonly JsonSpacing _spacing;

    /// <summary>Some templates tell a message of nothing but tool calls by a content that is none; others cannot do with anything but text.</summary>
    private readonly bool _contentMayBeNone;

    private ChatTemplate(List<Statement> statements, JsonSpacing spacing, bool contentMayBeNone) =>
        (_statements, _spacing, _contentMayBeNone) = (statements, spacing, contentMayBeNone);

    /// <param name="source">The text of <c>tokenizer.chat_template</c>.</param>
    /// <param name="spacing">How <c>tojson</c> spaces its output where the template does not say.</param>
    /// <param name="template">The compiled template.</param>
    /// <param name="error">Names what the template asks for that is not supported, with line and column.</param>
    public static bool TryCompile(string source, JsonSpacing spacing, [NotNullWhen(true)] out ChatTemplate? template, out ModelError error)
    {
        ArgumentNullException.ThrowIfNull(source);
        template = null;
        error = default;
        if (Encoding.UTF8.GetByteCount(source) > TemplateLimits.SourceBytesMax)
        {
            error = new ModelError(ErrorCause.UnsupportedField, $"The chat template has more than {TemplateLimits.SourceBytesMax} bytes; use the model with a shorter one.");
            return false;
        }

        try
        {
            template = new ChatTemplate(TemplateParser.Parse(source), spacing, AsksForNone(source));
            return true;
        }
        catch (TemplateFault fault)
        {
            error = new ModelError(ErrorCause.UnsupportedField, $"Unsupported {fault.Message}");
            return false;
        }
    }

    /// <summary>Renders a request's turns and tools. An error is the template's own refusal, a limit reached, or a part it cannot show.</summary>
    /// <param name="request">Its turns and, unless the choice is none, its tools.</param>
    /// <param name="settings">What the tokenizer adds.</param>
    /// <param name="output">Reset first.</param>
    /// <param name="error">What went wrong, with line and column.</param>
    public bool TryRender(ModelRequest request, in TemplateSettings settings, TemplateOutput output, out ModelError error)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(output);
        output.Reset();
        error = default;
        try
        {
            Statement.RunAll(_statements, new RenderState(output, _spacing, RequestValues.Globals(request, settings, _contentMayBeNone)));
            return true;
        }
        catch (TemplateFault fault)
        {
            output.Reset();
            error = new ModelError(ErrorCause.Malformed, $"The conversation cannot be rendered: {fault.Message}", "messages");
            return false;
        }
    }

    private static bool AsksForNone(string source)
    {
        foreach (var name in (ReadOnlySpan<string>)["content", "['content']", "[\"content\"]"])
        {
            if (source.Contains(name + " is none", StringComparison.Ordinal) || source.Contains(name + " is not none", StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
