using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints.Gbnf;
using Jesus.Inference.Engine.Constraints.Grammars;
using Jesus.Inference.Engine.Constraints.Regexes;
using Jesus.Inference.Engine.Constraints.Schemas;

namespace Jesus.Inference.Engine.Constraints;

/// <summary>The grammar of an answer that is one value: JSON, or a text of a regular expression or a grammar.</summary>
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

    public string Name => _constraint.Kind switch
    {
        ConstraintKind.Regex => "The regular expression",
        ConstraintKind.Grammar => "The GBNF grammar",
        _ => "The JSON schema",
    };

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
            case ConstraintKind.Regex:
                return RegexText.TryAdd(builder, constraint.Source.Memory, Param, next, out start, out error);
            default:
                return GbnfText.TryAdd(builder, constraint.Source.Memory, Param, next, out start, out error);
        }
    }
}
