using Jesus.Inference.Engine.Constraints.Automata;

namespace Jesus.Inference.Engine.Constraints.Regexes;

/// <summary>A part of a regular expression. Immutable.</summary>
internal abstract record RegexNode;

/// <summary>One character of the set.</summary>
internal sealed record CharsNode(CharSet Set) : RegexNode;

/// <summary>One after another; none is the empty text.</summary>
internal sealed record SequenceNode(IReadOnlyList<RegexNode> Items) : RegexNode;

/// <summary>One of several.</summary>
internal sealed record ChoiceNode(IReadOnlyList<RegexNode> Items) : RegexNode;

/// <summary>From <paramref name="Min"/> to <paramref name="Max"/> times; -1 is without end.</summary>
internal sealed record RepeatNode(RegexNode Item, int Min, int Max) : RegexNode;

/// <summary>The text's beginning or its end.</summary>
internal sealed record AnchorNode(bool IsStart) : RegexNode;
