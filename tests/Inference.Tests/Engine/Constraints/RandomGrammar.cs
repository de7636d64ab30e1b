using System.Text;

namespace Jesus.Inference.Tests.Engine.Constraints;

/// <summary>A grammar by dice, and a recogniser of it that knows nothing of automata: where a part that begins here may end.</summary>
internal sealed class RandomGrammar
{
    private readonly Random _random;
    private readonly List<Part> _rules = [];
    private readonly Dictionary<(Part Part, int At), HashSet<int>> _ends = [];
    private string _subject = "";

    public RandomGrammar(Random random)
    {
        _random = random;
        var count = random.Next(1, 4);
        for (var i = 0; i < count; i++)
        {
            _rules.Add(Make(3, i, count));
        }

        var text = new StringBuilder();
        for (var i = 0; i < count; i++)
        {
            text.Append(NameOf(i)).Append(" ::= ").AppendLine(_rules[i].ToString());
        }

        Text = text.ToString();
    }

    public string Text { get; }

    public bool Takes(string text)
    {
        (_subject, _) = (text, 0);
        _ends.Clear();
        return Ends(_rules[0], 0).Contains(text.Length);
    }

    private static string NameOf(int rule) => rule == 0 ? "root" : $"r{rule}";

    private Part Make(int depth, int rule, int rules)
    {
        if (depth == 0 || _random.Next(4) == 0)
        {
            return _random.Next(5) switch
            {
                0 => new Part("chars", "[ab]"),
                1 => new Part("text", ""),
                2 when rule + 1 < rules => new Part("rule", NameOf(_random.Next(rule + 1, rules))),

                // A rule that names itself does so behind a letter, so that it is not left-recursive.
                3 => new Part("sequence", "", new Part("text", "a"), new Part("rule", NameOf(rule))),
                _ => new Part("text", "abc"[_random.Next(3)].ToString()),
            };
        }

        return _random.Next(3) switch
        {
            0 => new Part("choice", "", Make(depth - 1, rule, rules), Make(depth - 1, rule, rules)),
            1 => new Part((string[])["*", "+", "?", "{1,2}", "{2}"] switch { var all => all[_random.Next(all.Length)] }, "", Make(depth - 1, rule, rules)),
            _ => new Part("sequence", "", Make(depth - 1, rule, rules), Make(depth - 1, rule, rules)),
        };
    }

    private HashSet<int> Ends(Part part, int at)
    {
        if (_ends.TryGetValue((part, at), out var known))
        {
            return known;
        }

        // Parts that come back to themselves at the same place add nothing: the empty set stands for them meanwhile.
        _ends[(part, at)] = [];
        var ends = part.Kind switch
        {
            "text" => _subject.AsSpan(at).StartsWith(part.Value, StringComparison.Ordinal) ? [at + part.Value.Length] : [],
            "chars" => at < _subject.Length && _subject[at] is 'a' or 'b' && at < _subject.Length ? [at + 1] : [],
            "rule" => Ends(_rules[part.Value == "root" ? 0 : int.Parse(part.Value[1..], System.Globalization.CultureInfo.InvariantCulture)], at),
            "choice" => [.. Ends(part.Items[0], at), .. Ends(part.Items[1], at)],
            "sequence" => [.. Ends(part.Items[0], at).SelectMany(middle => Ends(part.Items[1], middle))],
            "*" => Repeat(part.Items[0], at, 0, int.MaxValue),
            "+" => Repeat(part.Items[0], at, 1, int.MaxValue),
            "?" => Repeat(part.Items[0], at, 0, 1),
            "{2}" => Repeat(part.Items[0], at, 2, 2),
            _ => Repeat(part.Items[0], at, 1, 2),
        };
        return _ends[(part, at)] = ends;
    }

    private HashSet<int> Repeat(Part item, int at, int min, int max)
    {
        HashSet<int> ends = [], now = [at];
        var seen = new HashSet<(int Count, int At)>();
        for (var count = 0; count <= max && now.Count > 0; count++)
        {
            if (count >= min)
            {
                ends.UnionWith(now);
            }

            now = [.. now.SelectMany(place => Ends(item, place)).Where(place => seen.Add((Math.Min(count, min), place)))];
        }

        return ends;
    }

    private sealed record Part(string Kind, string Value, params Part[] Items)
    {
        public bool Equals(Part? other) => ReferenceEquals(this, other);

        public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);

        public override string ToString() => Kind switch
        {
            "text" => $"\"{Value}\"",
            "chars" or "rule" => Value,
            "choice" => $"({Items[0]} | {Items[1]})",
            "sequence" => $"{Items[0]} {Items[1]}",
            _ => $"({Items[0]}){Kind}",
        };
    }
}
