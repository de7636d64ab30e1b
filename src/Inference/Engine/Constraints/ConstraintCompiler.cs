using System.Diagnostics.CodeAnalysis;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints.Grammars;
using Jesus.Inference.Engine.Constraints.Matching;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Engine.Constraints;

/// <summary>Turns an <see cref="OutputConstraint"/> into what a <see cref="ConstraintState"/> follows. Thread safe; one for each loaded model.</summary>
public sealed class ConstraintCompiler
{
    private readonly GrammarCache _cache = new();

    public ConstraintCompiler(VocabularyIndex vocabulary) => Vocabulary = vocabulary;

    public VocabularyIndex Vocabulary { get; }

    /// <param name="constraint">A JSON schema, "any JSON object", a regular expression or a grammar; must not be <see cref="ConstraintKind.None"/>.</param>
    /// <param name="prompt">The text that <c>x-span-of: prompt</c> names: the last user turn's.</param>
    /// <param name="compiled">Owned by the caller: dispose it when the answer is finished.</param>
    /// <param name="error">Names the JSON pointer and the keyword that cannot be enforced, and what is allowed there.</param>
    public bool TryCompile(OutputConstraint constraint, Utf8Slice prompt, [NotNullWhen(true)] out CompiledConstraint? compiled, out ModelError error)
    {
        ArgumentNullException.ThrowIfNull(constraint);
        return TryCompile(new AnswerSource(constraint), constraint.Inputs, prompt, out compiled, out error);
    }

    internal bool TryCompile(
        IGrammarSource source, List<NamedInput> inputs, Utf8Slice prompt, [NotNullWhen(true)] out CompiledConstraint? compiled, out ModelError error)
    {
        compiled = null;
        error = default;
        var grammar = _cache.Find(source.Key);
        if (grammar is null)
        {
            if (!TryBuild(source, out var built, out error))
            {
                return false;
            }

            grammar = new CachedGrammar(built, new MaskCache());
            _cache.Add(source.Key, grammar);
        }

        if (!SpanInputs.TryBind(grammar.Grammar, inputs, prompt, out var spans, out error))
        {
            return false;
        }

        compiled = new CompiledConstraint(Vocabulary, grammar, spans);
        return true;
    }

    private static bool TryBuild(IGrammarSource source, [NotNullWhen(true)] out Grammar? grammar, out ModelError error)
    {
        grammar = null;
        var builder = new GrammarBuilder();
        if (!source.TryAdd(builder, out var start, out error))
        {
            return false;
        }

        if (builder.IsFull)
        {
            error = Refused($"{source.Name} needs more than {ConstraintLimits.StatesMax} states; shorten its enumerations, properties or repetitions.");
            return false;
        }

        grammar = builder.Build(start);
        error = EmptyWays.Check(grammar) switch
        {
            EmptyWayProblem.Cycle => Refused($"{source.Name} leads from a rule or '$ref' back to itself without any value in between; no answer would be valid."),
            EmptyWayProblem.LeftRecursion => Refused($"{source.Name} is left-recursive: a rule or '$ref' begins with itself; write the repetition with '*' or at the end."),
            EmptyWayProblem.TooLong => Refused($"{source.Name} has more than {ConstraintLimits.JumpsMax} optional parts in a row; give some of them a rule of their own."),
            _ => GrammarCheck.FillNeeds(grammar)
                ? default
                : Refused($"{source.Name} admits no value: what it demands contradicts itself, or a recursive part is never optional "
                    + $"(values nest at most {grammar.DepthMax} deep)."),
        };
        return error.IsNone;
    }

    private static ModelError Refused(string message) => new(ErrorCause.UnsupportedField, message, AnswerSource.Param);
}
