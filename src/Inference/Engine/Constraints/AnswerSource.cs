using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints.Grammars;
using Jesus.Inference.Engine.Constraints.Schemas;

namespace Jesus.Inference.Engine.Constraints;

/// <summary>The grammar of an answer that is a JSON value.</summary>
internal sealed class AnswerSource : IGrammarSource
{
    /// <summary>The request field that holds the schema.</summary>
    public const string Param = "response_format";
    private readonly OutputConstraint _constraint;
    private readonly byte[] _key;

    public AnswerSource(OutputConstraint constraint)
    {
        _constraint = constraint;
        _key = [(byte)constraint.Kind, .. constraint.Source.Span];
    }

    public ReadOnlySpan<byte> Key => _key;

    public bool TryAdd(GrammarBuilder builder, out int start, out ModelError error) => TryAdd(_constraint, builder, builder.Accept, out start, out error);

    public static bool TryAdd(OutputConstraint constraint, GrammarBuilder builder, int next, out int start, out ModelError error)
    {
        start = builder.Dead;
        switch (constraint.Kind)
        {
            case ConstraintKind.JsonObject:
                start = new JsonValues(builder).AnyObject(next);
                error = default;
                return true;
            case ConstraintKind.JsonSchema:
                return SchemaText.TryAdd(builder, constraint.Source.Memory, Param, next, out start, out error);
            default:
                var kind = constraint.Kind == ConstraintKind.Regex ? "a regular expression" : "a GBNF grammar";
                error = new ModelError(ErrorCause.UnsupportedField, $"Constraining an answer by {kind} is not implemented; use a JSON schema.", Param);
                return false;
        }
    }
}
