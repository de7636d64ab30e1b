using Jesus.Inference.Engine.Constraints.Automata;
using Jesus.Inference.Engine.Constraints.Grammars;
using Jesus.Inference.Engine.Constraints.Regexes;

namespace Jesus.Inference.Engine.Constraints.Gbnf;

/// <summary>A GBNF grammar's rules to states, each rule entered by calls.</summary>
internal sealed class GbnfCompiler
{
    private readonly GrammarBuilder _builder;
    private readonly Dictionary<string, RegexNode> _rules;
    private readonly Dictionary<string, int> _entries = new(StringComparer.Ordinal);
    private int _ruleEnd;

    private GbnfCompiler(GrammarBuilder builder, Dictionary<string, RegexNode> rules) => (_builder, _rules) = (builder, rules);

    /// <summary>The state that enters the rule <c>root</c>; the problem, when there is one, is the rest of a sentence.</summary>
    public static int Compile(GrammarBuilder builder, Dictionary<string, RegexNode> rules, int next, out string problem)
    {
        problem = "";
        if (!rules.ContainsKey("root"))
        {
            problem = "has no rule 'root', with which an answer begins";
            return builder.Dead;
        }

        foreach (var (name, body) in rules)
        {
            if (FirstUnknown(body, rules) is { } unknown)
            {
                problem = $"names the rule '{unknown.Name}' in line {unknown.Line} (rule '{name}'), which it does not define";
                return builder.Dead;
            }
        }

        builder.DepthMax = ConstraintLimits.RuleDepthMax;
        return new GbnfCompiler(builder, rules).Run(next);
    }

    private int Run(int next)
    {
        foreach (var name in _rules.Keys)
        {
            _entries.Add(name, _builder.Plain());
        }

        foreach (var (name, body) in _rules)
        {
            // Empty ways through the rule meet here, so that its caller goes on once.
            _ruleEnd = MayBeEmpty(body) ? _builder.Join() : _builder.Return;
            if (_ruleEnd != _builder.Return)
            {
                _builder.Jump(_ruleEnd, _builder.Return);
            }

            _builder.Jump(_entries[name], Add(body, _ruleEnd));
        }

        _ruleEnd = -1;
        return _builder.Call(_entries["root"], next);
    }

    /// <summary>Built backwards: the state that enters the node when the given one follows it.</summary>
    private int Add(RegexNode node, int next)
    {
        switch (node)
        {
            case CharsNode chars:
                return Chars(chars.Set, next);
            case SequenceNode sequence:
                for (var i = sequence.Items.Count - 1; i >= 0; i--)
                {
                    next = Add(sequence.Items[i], next);
                }

                return next;
            case ChoiceNode choice:
                return Choice(choice, next);
            case RepeatNode repeat:
                return Repeat(repeat, next);
            case RuleNode rule:
                // A rule's last call is no call: whoever waits for this rule waits for that one.
                return next == _ruleEnd ? _builder.AnyOf(_entries[rule.Name]) : _builder.Call(_entries[rule.Name], next);
            default:
                return next;
        }
    }

    private int Choice(ChoiceNode choice, int next)
    {
        next = choice.Items.Any(MayBeEmpty) ? Meeting(next) : next;
        var entry = _builder.Plain();
        foreach (var item in choice.Items)
        {
            _builder.Jump(entry, Add(item, next));
        }

        return entry;
    }

    private int Repeat(RepeatNode repeat, int next)
    {
        if (repeat.Max < 0)
        {
            var loop = _builder.Join();
            _builder.Jump(loop, next);
            var body = Add(repeat.Item, loop);
            _builder.Jump(loop, body);
            if (repeat.Item is CharsNode chars && chars.Set.Contains(CharSet.Clean))
            {
                _builder.SetOpen(body);
            }

            next = loop;
        }
        else if (repeat.Max > repeat.Min && MayBeEmpty(repeat.Item))
        {
            next = Meeting(next);
        }

        var end = next;
        for (var i = repeat.Max - 1; i >= repeat.Min && !_builder.IsFull; i--)
        {
            next = _builder.AnyOf(Add(repeat.Item, next), end);
        }

        for (var i = 0; i < repeat.Min && !_builder.IsFull; i++)
        {
            next = Add(repeat.Item, next);
        }

        return next;
    }

    private int Meeting(int next)
    {
        var join = _builder.Join();
        _builder.Jump(join, next);
        return join;
    }

    private int Chars(CharSet set, int next)
    {
        var state = _builder.Plain();
        var tails = new Dictionary<(byte Low, byte High, int Target), int>();
        foreach (var sequence in Utf8Ranges.Of(set))
        {
            var target = next;
            for (var i = sequence.Length - 1; i > 0; i--)
            {
                var key = (sequence[i].Low, sequence[i].High, target);
                if (!tails.TryGetValue(key, out var tail))
                {
                    tail = _builder.Plain();
                    _builder.Edge(tail, key.Low, key.High, target);
                    tails.Add(key, tail);
                }

                target = tail;
            }

            _builder.Edge(state, sequence[0].Low, sequence[0].High, target);
        }

        return state;
    }

    /// <summary>Whether the node can take nothing; a rule is taken to, since it may.</summary>
    private static bool MayBeEmpty(RegexNode node) => node switch
    {
        CharsNode => false,
        SequenceNode sequence => sequence.Items.All(MayBeEmpty),
        ChoiceNode choice => choice.Items.Any(MayBeEmpty),
        RepeatNode repeat => repeat.Min == 0 || MayBeEmpty(repeat.Item),
        _ => true,
    };

    private static RuleNode? FirstUnknown(RegexNode node, Dictionary<string, RegexNode> rules) => node switch
    {
        RuleNode rule => rules.ContainsKey(rule.Name) ? null : rule,
        SequenceNode sequence => sequence.Items.Select(item => FirstUnknown(item, rules)).FirstOrDefault(found => found is not null),
        ChoiceNode choice => choice.Items.Select(item => FirstUnknown(item, rules)).FirstOrDefault(found => found is not null),
        RepeatNode repeat => FirstUnknown(repeat.Item, rules),
        _ => null,
    };
}
