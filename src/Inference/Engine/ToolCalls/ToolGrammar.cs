using System.Globalization;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints.Grammars;
using Jesus.Inference.Engine.Constraints.Schemas;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>The tools that may be called, each with its name and the arguments that fit its schema.</summary>
internal static class ToolGrammar
{
    /// <summary>What a form writes between a tool's name and its arguments.</summary>
    /// <param name="name">The tool's name.</param>
    /// <param name="arguments">Its arguments, and what follows them.</param>
    public delegate int Spelling(Utf8Name name, int arguments);

    /// <summary>A name as bytes; a delegate takes no span.</summary>
    public readonly record struct Utf8Name(ReadOnlyMemory<byte> Bytes);

    /// <param name="states">Receives the states.</param>
    /// <param name="request">Its tools and tool choice.</param>
    /// <param name="end">What follows the arguments.</param>
    /// <param name="spelling">The form's.</param>
    /// <param name="entry">Enters any of the tools.</param>
    /// <param name="error">Names the tool, and what of its schema cannot be enforced.</param>
    public static bool TryAdd(AnswerStates states, ModelRequest request, int end, Spelling spelling, out int entry, out ModelError error)
    {
        entry = states.Builder.Plain();
        error = default;
        var listed = false;
        for (var i = 0; i < request.Tools.Count && error.IsNone; i++)
        {
            var tool = request.Tools[i];
            if (request.ToolChoice.Mode != ToolChoiceMode.Named || tool.Name == request.ToolChoice.Name)
            {
                listed = true;
                error = WhyNameCannot(tool, i);
                if (error.IsNone && TryArguments(states.Builder, tool, i, end, out var arguments, out error))
                {
                    states.Builder.Jump(entry, spelling(new Utf8Name(tool.Name.Memory), arguments));
                }
            }
        }

        if (!listed && error.IsNone)
        {
            error = new ModelError(ErrorCause.UnsupportedField, $"tool_choice names '{request.ToolChoice.Name}', which 'tools' does not list.", "tool_choice");
        }

        return error.IsNone;
    }

    private static ModelError WhyNameCannot(in ToolDefinition tool, int index) => tool.Name.IsEmpty || tool.Name.Length > ToolCallLimits.NameBytesMax
        ? new ModelError(ErrorCause.UnsupportedField, $"A tool's name has 1 to {ToolCallLimits.NameBytesMax} bytes, not {tool.Name.Length}.", $"tools[{index}].function.name")
        : default;

    private static bool TryArguments(GrammarBuilder builder, in ToolDefinition tool, int index, int end, out int arguments, out ModelError error)
    {
        error = default;
        if (tool.Parameters.IsEmpty)
        {
            arguments = builder.Literal("{}"u8, end);
            return true;
        }

        var param = string.Create(CultureInfo.InvariantCulture, $"tools[{index}].function.parameters");
        if (SchemaText.TryAdd(builder, tool.Parameters.Memory, param, end, out arguments, out error, objectsOnly: true))
        {
            return true;
        }

        error = error with { Message = $"Tool '{tool.Name}': {error.Message}" };
        return false;
    }
}
