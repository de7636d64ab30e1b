using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>The one grammar of a request's answer: its output constraint and its tools together.</summary>
public static class AnswerGrammar
{
    /// <param name="compiler">The compiler of the model's vocabulary.</param>
    /// <param name="request">Its constraint, tools, tool choice and last user turn.</param>
    /// <param name="form">How the model writes reasoning and calls.</param>
    /// <param name="inReasoning">The prompt ends inside of the reasoning.</param>
    /// <param name="compiled">Null when nothing constrains the answer; else dispose it when the answer is finished.</param>
    /// <param name="error">Names the schema, the JSON pointer and the keyword that cannot be enforced.</param>
    public static bool TryCompile(
        ConstraintCompiler compiler, ModelRequest request, AnswerForm form, bool inReasoning, out CompiledConstraint? compiled, out ModelError error)
    {
        ArgumentNullException.ThrowIfNull(compiler);
        ArgumentNullException.ThrowIfNull(request);
        compiled = null;
        error = WhyToolsCannot(request);
        if (!error.IsNone)
        {
            return false;
        }

        var usesTools = request.Tools.Count > 0 && request.ToolChoice.Mode != ToolChoiceMode.None;
        if (!usesTools && request.Constraint.Kind == ConstraintKind.None)
        {
            return true;
        }

        IGrammarSource source = usesTools || form.Reasoning != ReasoningForm.None
            ? new ToolCallSource(compiler.Vocabulary, request, form, inReasoning)
            : new AnswerSource(request.Constraint);
        return compiler.TryCompile(source, request.Constraint.Inputs, LastUserText(request.Turns), out compiled, out error);
    }

    private static ModelError WhyToolsCannot(ModelRequest request)
    {
        if (request.Tools.Count > ToolCallLimits.ToolsMax)
        {
            return new ModelError(ErrorCause.UnsupportedField, $"{request.Tools.Count} tools are more than the {ToolCallLimits.ToolsMax} that one request may list.", "tools");
        }

        return request.Tools.Count == 0 && request.ToolChoice.Mode is ToolChoiceMode.Required or ToolChoiceMode.Named
            ? new ModelError(ErrorCause.UnsupportedField, "tool_choice asks for a tool call, but 'tools' lists none.", "tool_choice")
            : default;
    }

    /// <summary>What <c>x-span-of: prompt</c> names: the text parts of the last user turn, joined.</summary>
    private static Utf8Slice LastUserText(TurnList turns)
    {
        for (var turn = turns.Count - 1; turn >= 0; turn--)
        {
            if (turns[turn].Role == TurnRole.User)
            {
                return Joined(turns.PartsOf(turn));
            }
        }

        return default;
    }

    private static Utf8Slice Joined(ReadOnlySpan<TurnPart> parts)
    {
        var text = new List<byte>();
        var single = default(Utf8Slice);
        var count = 0;
        foreach (ref readonly var part in parts)
        {
            if (part.Kind == PartKind.Text)
            {
                single = part.Text;
                count++;
                text.AddRange(part.Text.Span);
            }
        }

        return count == 1 ? single : new Utf8Slice(text.ToArray());
    }
}
