using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Gbnf;

/// <summary>A GBNF grammar's bytes to the grammar of an answer.</summary>
internal static class GbnfText
{
    public static bool TryAdd(GrammarBuilder builder, ReadOnlyMemory<byte> utf8, string param, int next, out int start, out ModelError error)
    {
        start = builder.Dead;
        if (utf8.Length > ConstraintLimits.GbnfBytesMax || !System.Text.Unicode.Utf8.IsValid(utf8.Span))
        {
            error = new ModelError(ErrorCause.UnsupportedField,
                $"The GBNF grammar has {utf8.Length} bytes; it must be valid UTF-8 of at most {ConstraintLimits.GbnfBytesMax}.", param);
            return false;
        }

        var rules = GbnfParser.Parse(Encoding.UTF8.GetString(utf8.Span), out var problem);
        if (rules is null)
        {
            error = new ModelError(ErrorCause.Malformed, $"The GBNF grammar, {problem}.", param);
            return false;
        }

        start = GbnfCompiler.Compile(builder, rules, next, out problem);
        error = problem.Length == 0 ? default : new ModelError(ErrorCause.UnsupportedField, $"The GBNF grammar {problem}.", param);
        return error.IsNone;
    }
}
