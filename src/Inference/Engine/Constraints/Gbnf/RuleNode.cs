using Jesus.Inference.Engine.Constraints.Regexes;

namespace Jesus.Inference.Engine.Constraints.Gbnf;

/// <summary>What the named rule says.</summary>
/// <param name="Name">The rule's name.</param>
/// <param name="Line">Where it is named, from 1.</param>
internal sealed record RuleNode(string Name, int Line) : RegexNode;
