using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints;

/// <summary>What a grammar is built from.</summary>
internal interface IGrammarSource
{
    /// <summary>Everything that decides the grammar, as bytes: equal keys give equal grammars.</summary>
    ReadOnlySpan<byte> Key { get; }

    /// <summary>What it is, at the beginning of a sentence.</summary>
    string Name { get; }

    /// <summary>Adds the grammar; <paramref name="start"/> enters it.</summary>
    bool TryAdd(GrammarBuilder builder, out int start, out ModelError error);
}
