using System.Text;
using System.Text.Unicode;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints.Grammars;
using Jesus.Inference.Engine.Constraints.Matching;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Engine.Constraints;

/// <summary>Finds the texts that a grammar's spans are taken from, and indexes them.</summary>
internal static class SpanInputs
{
    public static bool TryBind(Grammar grammar, List<NamedInput> inputs, Utf8Slice prompt, out SpanIndex[] spans, out ModelError error)
    {
        var texts = new Utf8Slice[grammar.Inputs.Length];
        spans = [];
        for (var i = 0; i < texts.Length; i++)
        {
            if (!TryFind(grammar.Inputs[i], inputs, prompt, out texts[i], out error) || !IsLongEnough(grammar, i, texts[i], out error))
            {
                return false;
            }
        }

        spans = new SpanIndex[texts.Length];
        for (var i = 0; i < texts.Length; i++)
        {
            spans[i] = new SpanIndex(texts[i].Span);
        }

        error = default;
        return true;
    }

    private static bool TryFind(string name, List<NamedInput> inputs, Utf8Slice prompt, out Utf8Slice text, out ModelError error)
    {
        text = prompt;
        var found = false;
        foreach (var input in inputs)
        {
            if (!found && input.Name.Equals(Encoding.UTF8.GetBytes(name)))
            {
                (text, found) = (input.Text, true);
            }
        }

        var isPrompt = OutputConstraint.PromptInput.SequenceEqual(Encoding.UTF8.GetBytes(name));
        error = (found || isPrompt, text.Length > ConstraintLimits.SpanInputBytesMax, Utf8.IsValid(text.Span)) switch
        {
            (false, _, _) => Refused($"'x-span-of' names the input '{name}', which the request does not give; known are {Known(inputs)}."),
            (_, true, _) => Refused($"Input '{name}' has {text.Length} bytes; 'x-span-of' takes at most {ConstraintLimits.SpanInputBytesMax}. Give a part of it."),
            (_, _, false) => Refused($"Input '{name}' is not valid UTF-8, so no part of it can be quoted."),
            _ => default,
        };
        return error.IsNone;
    }

    private static bool IsLongEnough(Grammar grammar, int input, Utf8Slice text, out ModelError error)
    {
        error = default;
        var characters = 0;
        foreach (var value in text.Span)
        {
            characters += (value & 0xC0) != 0x80 ? 1 : 0;
        }

        foreach (ref readonly var state in grammar.States.AsSpan())
        {
            if (state.Kind == StateKind.Span && state.A == input && state.Min > characters)
            {
                error = Refused($"Input '{grammar.Inputs[input]}' has {characters} characters, fewer than a 'minLength' of {state.Min} asks of a span of it.");
            }
        }

        return error.IsNone;
    }

    private static string Known(List<NamedInput> inputs) => string.Join(", ", inputs.Select(input => $"'{input.Name}'").Append("'prompt'"));

    private static ModelError Refused(string message) => new(ErrorCause.UnsupportedField, message, AnswerSource.Param);
}
