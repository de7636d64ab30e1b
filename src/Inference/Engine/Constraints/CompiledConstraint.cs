using Jesus.Inference.Engine.Constraints.Grammars;
using Jesus.Inference.Engine.Constraints.Matching;

namespace Jesus.Inference.Engine.Constraints;

/// <summary>A grammar and the inputs that its spans are taken from. Any number of states may follow one; dispose it after the last.</summary>
public sealed class CompiledConstraint : IDisposable
{
    internal CompiledConstraint(VocabularyIndex vocabulary, CachedGrammar grammar, SpanIndex[] inputs)
    {
        Vocabulary = vocabulary;
        Grammar = grammar.Grammar;
        Masks = grammar.Masks;
        Inputs = inputs;
    }

    public VocabularyIndex Vocabulary { get; }

    internal Grammar Grammar { get; }

    /// <summary>Masks that depend on no input: shared by all answers with this grammar.</summary>
    internal MaskCache Masks { get; }
    internal SpanIndex[] Inputs { get; }

    public void Dispose()
    {
        foreach (var input in Inputs)
        {
            input.Dispose();
        }
    }
}

/// <summary>A grammar and its masks, which outlive the request.</summary>
internal sealed record CachedGrammar(Grammar Grammar, MaskCache Masks);
