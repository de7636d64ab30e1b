using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints.Automata;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Regexes;

/// <summary>A regular expression's bytes to the grammar of the texts that match it as a whole.</summary>
internal static class RegexText
{
    public static bool TryAdd(GrammarBuilder builder, ReadOnlyMemory<byte> utf8, string param, int next, out int start, out ModelError error)
    {
        start = builder.Dead;
        if (!System.Text.Unicode.Utf8.IsValid(utf8.Span))
        {
            error = new ModelError(ErrorCause.Malformed, "The regular expression is not valid UTF-8.", param);
            return false;
        }

        var dfa = RegexCompiler.Whole(Encoding.UTF8.GetString(utf8.Span), out var problem);
        problem = dfa is { IsEmpty: true } ? "matches no text" : problem;
        error = problem.Length == 0 ? default : new ModelError(ErrorCause.UnsupportedField, $"The regular expression {problem}.", param);
        start = dfa is null ? start : DfaGrammar.AddText(builder, dfa, next);
        return error.IsNone;
    }
}
