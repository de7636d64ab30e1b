using Jesus.Inference.Engine.Constraints.Automata;

namespace Jesus.Inference.Engine.Constraints.Regexes;

/// <summary>Regular expressions to automata.</summary>
internal static class RegexCompiler
{
    private static readonly RegexNode Anything = new RepeatNode(new CharsNode(CharSet.All), 0, -1);

    /// <summary>The texts that match as a whole. Null, with the reason as the rest of a sentence, when it cannot be followed.</summary>
    public static Dfa? Whole(string pattern, out string problem) => Compile(pattern, isWhole: true, out problem);

    /// <summary>The texts in which the pattern is found (JSON Schema, Validation section 6.3.3: it is not anchored).</summary>
    public static Dfa? Found(string pattern, out string problem) => Compile(pattern, isWhole: false, out problem);

    private static Dfa? Compile(string pattern, bool isWhole, out string problem)
    {
        if (pattern.Length > ConstraintLimits.PatternCharactersMax)
        {
            problem = $"has {pattern.Length} characters; at most {ConstraintLimits.PatternCharactersMax} are read";
            return null;
        }

        var node = RegexParser.Parse(pattern, out problem);
        node = node is null ? null : Anchored(node, isWhole, isWhole, ref problem);
        if (node is null || problem.Length > 0)
        {
            return null;
        }

        var dfa = ToDfa(node);
        problem = dfa is null ? $"needs an automaton of more than {ConstraintLimits.AutomatonStatesMax} states; shorten its repetitions" : "";
        return dfa;
    }

    private static Dfa? ToDfa(RegexNode node)
    {
        var nfa = new Nfa();
        nfa.Accept = nfa.Add();
        nfa.Start = Add(nfa, node, nfa.Accept);
        return DfaBuilder.Determine(nfa);
    }

    /// <summary>Puts "anything" where the pattern is not held at an end, and takes the anchors away. They are understood at the ends of alternatives alone.</summary>
    private static RegexNode Anchored(RegexNode node, bool atStart, bool atEnd, ref string problem)
    {
        if (node is ChoiceNode choice)
        {
            var items = new List<RegexNode>();
            foreach (var item in choice.Items)
            {
                items.Add(Anchored(item, atStart, atEnd, ref problem));
            }

            return new ChoiceNode(items);
        }

        List<RegexNode> rest = node is SequenceNode sequence ? [.. sequence.Items] : [node];
        while (rest.Count > 0 && rest[0] is AnchorNode { IsStart: true })
        {
            atStart = true;
            rest.RemoveAt(0);
        }

        while (rest.Count > 0 && rest[^1] is AnchorNode { IsStart: false })
        {
            atEnd = true;
            rest.RemoveAt(rest.Count - 1);
        }

        if (rest is [ChoiceNode or SequenceNode])
        {
            return Anchored(rest[0], atStart, atEnd, ref problem);
        }

        if (rest.Exists(HasAnchor))
        {
            problem = "has a '^' or '$' inside, which is followed at the ends alone";
        }

        return new SequenceNode([.. atStart ? (RegexNode[])[] : [Anything], .. rest, .. atEnd ? (RegexNode[])[] : [Anything]]);
    }

    private static bool HasAnchor(RegexNode node) => node switch
    {
        AnchorNode => true,
        SequenceNode sequence => sequence.Items.Any(HasAnchor),
        ChoiceNode choice => choice.Items.Any(HasAnchor),
        RepeatNode repeat => HasAnchor(repeat.Item),
        _ => false,
    };

    /// <summary>Built backwards: answers with the state that enters the node when the given one follows it.</summary>
    private static int Add(Nfa nfa, RegexNode node, int next)
    {
        switch (node)
        {
            case CharsNode chars:
                var state = nfa.Add();
                nfa.Edge(state, chars.Set, next);
                return state;
            case SequenceNode sequence:
                for (var i = sequence.Items.Count - 1; i >= 0; i--)
                {
                    next = Add(nfa, sequence.Items[i], next);
                }

                return next;
            case ChoiceNode choice:
                var entry = nfa.Add();
                foreach (var item in choice.Items)
                {
                    nfa.Jump(entry, Add(nfa, item, next));
                }

                return entry;
            case RepeatNode repeat:
                return Repeat(nfa, repeat, next);
            default:
                return next;
        }
    }

    private static int Repeat(Nfa nfa, RepeatNode repeat, int next)
    {
        if (repeat.Max < 0)
        {
            var loop = nfa.Add();
            nfa.Jump(loop, next);
            nfa.Jump(loop, Add(nfa, repeat.Item, loop));
            next = loop;
        }

        var end = next;
        for (var i = repeat.Max - 1; i >= repeat.Min && !nfa.IsFull; i--)
        {
            var optional = nfa.Add();
            nfa.Jump(optional, Add(nfa, repeat.Item, next));
            nfa.Jump(optional, end);
            next = optional;
        }

        for (var i = 0; i < repeat.Min && !nfa.IsFull; i++)
        {
            next = Add(nfa, repeat.Item, next);
        }

        return next;
    }
}
