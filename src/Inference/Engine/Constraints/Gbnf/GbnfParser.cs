using System.Globalization;
using System.Text;
using Jesus.Inference.Engine.Constraints.Automata;
using Jesus.Inference.Engine.Constraints.Regexes;

namespace Jesus.Inference.Engine.Constraints.Gbnf;

/// <summary>
/// Reads GBNF, the grammar format of llama.cpp (grammars/README.md there): rules of <c>name ::= alternatives</c> with literals, character ranges, groups,
/// repetitions and comments. A rule ends with its line, but for groups and alternatives that go on in the next.
/// </summary>
internal sealed class GbnfParser
{
    private readonly int[] _text;
    private readonly Dictionary<string, RegexNode> _rules = new(StringComparer.Ordinal);
    private int _at;
    private int _depth;
    private string _problem = "";

    private GbnfParser(string text) => _text = [.. text.EnumerateRunes().Select(rune => rune.Value)];

    /// <summary>Null, with the line and the reason, when it is no grammar.</summary>
    public static Dictionary<string, RegexNode>? Parse(string text, out string problem)
    {
        var parser = new GbnfParser(text);
        parser.Skip(lines: true);
        while (parser._problem.Length == 0 && parser._at < parser._text.Length)
        {
            parser.Rule();
            parser.Skip(lines: true);
        }

        problem = parser._problem;
        return problem.Length == 0 ? parser._rules : null;
    }

    private int Line => 1 + _text.AsSpan(0, Math.Min(_at, _text.Length)).Count('\n');

    private bool IsAt(char character) => _at < _text.Length && _text[_at] == character;

    private bool Take(char character)
    {
        var isAt = IsAt(character);
        _at += isAt ? 1 : 0;
        return isAt;
    }

    private SequenceNode Fail(string what)
    {
        _problem = _problem.Length == 0 ? $"line {Line}: {what}" : _problem;
        _at = _text.Length;
        return new SequenceNode([]);
    }

    /// <summary>Steps over spaces and comments, and over ends of lines where a rule may go on.</summary>
    private void Skip(bool lines)
    {
        while (_at < _text.Length)
        {
            if (IsAt('#'))
            {
                while (_at < _text.Length && !IsAt('\n'))
                {
                    _at++;
                }
            }
            else if (IsAt(' ') || IsAt('\t') || (lines && (IsAt('\n') || IsAt('\r'))))
            {
                _at++;
            }
            else
            {
                return;
            }
        }
    }

    private void Rule()
    {
        var name = Name();
        Skip(lines: false);
        if (name.Length == 0 || !Take(':') || !Take(':') || !Take('='))
        {
            _ = Fail("a rule must begin with its name and '::='");
            return;
        }

        Skip(lines: true);
        var body = Choice(nested: false);
        if (_at < _text.Length && !IsAt('\n') && !IsAt('\r'))
        {
            _ = Fail($"'{new Rune(_text[_at])}' is not expected here");
        }

        if (!_rules.TryAdd(name, body))
        {
            _ = Fail($"rule '{name}' is defined twice");
        }
    }

    private string Name()
    {
        var start = _at;
        while (_at < _text.Length && _text[_at] < 128 && (char.IsAsciiLetterOrDigit((char)_text[_at]) || _text[_at] is '-' or '_'))
        {
            _at++;
        }

        return string.Concat(_text[start.._at].Select(value => (char)value));
    }

    private RegexNode Choice(bool nested)
    {
        if (++_depth > ConstraintLimits.PatternNestingMax)
        {
            return Fail($"groups are nested deeper than {ConstraintLimits.PatternNestingMax}");
        }

        var items = new List<RegexNode> { Sequence(nested) };
        while (Take('|'))
        {
            Skip(lines: true);
            items.Add(Sequence(nested));
        }

        _depth--;
        return items.Count == 1 ? items[0] : new ChoiceNode(items);
    }

    private RegexNode Sequence(bool nested)
    {
        var items = new List<RegexNode>();
        while (_at < _text.Length && !IsAt('|') && !IsAt(')') && !IsAt('\n') && !IsAt('\r'))
        {
            items.Add(Repeated(Item()));
            Skip(lines: nested);
        }

        return items.Count == 1 ? items[0] : new SequenceNode(items);
    }

    private RegexNode Item()
    {
        if (Take('"'))
        {
            return Literal();
        }

        if (Take('['))
        {
            return new CharsNode(Class());
        }

        if (Take('.'))
        {
            return new CharsNode(CharSet.All);
        }

        if (Take('('))
        {
            Skip(lines: true);
            var inner = Choice(nested: true);
            return Take(')') ? inner : Fail("a '(' is not closed");
        }

        var line = Line;
        var name = Name();
        return name.Length > 0 ? new RuleNode(name, line)
            : IsAt('<') || IsAt('!') ? Fail("tokens by name or number are not followed; write their text")
            : Fail($"'{(_at < _text.Length ? new Rune(_text[_at]).ToString() : "the end")}' is not expected here");
    }

    private RegexNode Repeated(RegexNode item)
    {
        while (_problem.Length == 0)
        {
            var (min, max) = (0, -1);
            if (Take('+'))
            {
                min = 1;
            }
            else if (Take('?'))
            {
                max = 1;
            }
            else if (Take('{'))
            {
                (min, max) = Braces();
            }
            else if (!Take('*'))
            {
                break;
            }

            item = new RepeatNode(item, min, max);
        }

        return item;
    }

    private (int Min, int Max) Braces()
    {
        Skip(lines: false);
        var min = Number();
        Skip(lines: false);
        var max = min;
        if (Take(','))
        {
            Skip(lines: false);
            max = IsAt('}') ? -1 : Number();
            Skip(lines: false);
        }

        if (!Take('}') || min < 0 || (max >= 0 && max < min))
        {
            _ = Fail("a repetition is {m}, {m,} or {m,n} with n at least m");
        }

        return (min, max);
    }

    /// <summary>-1 where there is none.</summary>
    private int Number()
    {
        var number = -1;
        for (; _at < _text.Length && _text[_at] is >= '0' and <= '9'; _at++)
        {
            number = Math.Min((Math.Max(number, 0) * 10) + _text[_at] - '0', ConstraintLimits.StatesMax);
        }

        return number;
    }

    private SequenceNode Literal()
    {
        var items = new List<RegexNode>();
        while (!IsAt('"'))
        {
            if (_at >= _text.Length || IsAt('\n'))
            {
                return Fail("a '\"' is not closed on its line");
            }

            var character = Character();
            items.Add(new CharsNode(CharSet.Of((character, character))));
        }

        _at++;
        return new SequenceNode(items);
    }

    private CharSet Class()
    {
        var isNegated = Take('^');
        var ranges = new List<(int Low, int High)>();
        while (!IsAt(']'))
        {
            if (_at >= _text.Length || IsAt('\n'))
            {
                _ = Fail("a '[' is not closed on its line");
                return CharSet.All;
            }

            var low = Character();
            var high = low;
            if (IsAt('-') && _at + 1 < _text.Length && _text[_at + 1] != ']')
            {
                _at++;
                high = Character();
            }

            if (high < low)
            {
                _ = Fail("a range of characters runs backwards");
            }

            ranges.Add((low, high));
        }

        _at++;
        var set = CharSet.From(ranges);
        return isNegated ? set.Complement() : set;
    }

    private int Character()
    {
        var character = _text[_at++];
        if (character != '\\' || _at >= _text.Length)
        {
            return character;
        }

        var letter = _text[_at++];
        switch (letter)
        {
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'x':
                return Hex(2);
            case 'u':
                return Hex(4);
            case 'U':
                return Hex(8);
            case '\\' or '"' or '[' or ']' or '-' or '^':
                return letter;
            default:
                _ = Fail($"'\\{new Rune(letter)}' is no escape; known are \\n \\r \\t \\\\ \\\" \\[ \\] \\xHH \\uHHHH \\UHHHHHHHH");
                return 0;
        }
    }

    private int Hex(int digits)
    {
        var text = string.Concat(_text.Skip(_at).Take(digits).Select(value => value < 128 ? (char)value : '?'));
        if (text.Length == digits && int.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) && Rune.IsValid(value))
        {
            _at += digits;
            return value;
        }

        _ = Fail($"an escape needs {digits} hexadecimal digits of a character");
        return 0;
    }
}
