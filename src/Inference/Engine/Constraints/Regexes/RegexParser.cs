using System.Globalization;
using System.Text;
using Jesus.Inference.Engine.Constraints.Automata;

namespace Jesus.Inference.Engine.Constraints.Regexes;

/// <summary>
/// Reads a regular expression in the syntax that ECMA-262 and RE2 share. What no finite automaton can do (references to what a group matched, looking ahead or
/// back), and what is not built, is refused by its name.
/// </summary>
internal sealed class RegexParser
{
    private const int Unbounded = -1;
    private readonly int[] _text;
    private int _at;
    private int _depth;

    private RegexParser(string pattern) => _text = [.. pattern.EnumerateRunes().Select(rune => rune.Value)];

    /// <summary>What is wrong, as the rest of a sentence; empty while nothing is.</summary>
    private string Problem { get; set; } = "";

    /// <summary>Null, with the reason, when the pattern cannot be followed.</summary>
    public static RegexNode? Parse(string pattern, out string problem)
    {
        var parser = new RegexParser(pattern);
        var node = parser.Choice();
        if (parser.Problem.Length == 0 && parser._at < parser._text.Length)
        {
            _ = parser.Fail("has a ')' that nothing opens");
        }

        problem = parser.Problem;
        return problem.Length == 0 ? node : null;
    }

    private bool IsAt(char character) => _at < _text.Length && _text[_at] == character;

    private bool Take(char character)
    {
        var isAt = IsAt(character);
        _at += isAt ? 1 : 0;
        return isAt;
    }

    private bool Take(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (_at + i >= _text.Length || _text[_at + i] != text[i])
            {
                return false;
            }
        }

        _at += text.Length;
        return true;
    }

    private SequenceNode Fail(string what)
    {
        Problem = Problem.Length == 0 ? string.Create(CultureInfo.InvariantCulture, $"{what} (at character {_at + 1})") : Problem;
        _at = _text.Length;
        return new SequenceNode([]);
    }

    private RegexNode Choice()
    {
        if (++_depth > ConstraintLimits.PatternNestingMax)
        {
            return Fail($"nests groups deeper than {ConstraintLimits.PatternNestingMax}");
        }

        var items = new List<RegexNode> { Sequence() };
        while (Take('|'))
        {
            items.Add(Sequence());
        }

        _depth--;
        return items.Count == 1 ? items[0] : new ChoiceNode(items);
    }

    private RegexNode Sequence()
    {
        var items = new List<RegexNode>();
        while (_at < _text.Length && !IsAt('|') && !IsAt(')'))
        {
            items.Add(Repeated(Atom()));
        }

        return items.Count == 1 ? items[0] : new SequenceNode(items);
    }

    private RegexNode Repeated(RegexNode item)
    {
        for (var times = 0; TryQuantifier(out var min, out var max); times++)
        {
            if (item is AnchorNode || times > 0)
            {
                return Fail(times > 0 ? "repeats a repetition; put the inner one into a group" : "repeats an anchor");
            }

            // Greedy or not, the same texts match.
            _ = Take('?');
            if (IsAt('+'))
            {
                return Fail("uses a possessive repetition, which no automaton follows");
            }

            item = new RepeatNode(item, min, max);
        }

        return item;
    }

    private bool TryQuantifier(out int min, out int max)
    {
        (min, max) = (0, Unbounded);
        if (Take('*'))
        {
            return true;
        }

        if (Take('+'))
        {
            min = 1;
            return true;
        }

        if (Take('?'))
        {
            max = 1;
            return true;
        }

        return IsAt('{') && TryBraces(out min, out max);
    }

    /// <summary>Braces that hold no numbers are characters, as everywhere.</summary>
    private bool TryBraces(out int min, out int max)
    {
        var start = _at++;
        max = Unbounded;
        if (TryNumber(out min))
        {
            var isRange = Take(',');
            max = !isRange ? min : TryNumber(out var end) ? end : Unbounded;
            if (Take('}'))
            {
                if (max is not Unbounded && max < min)
                {
                    _ = Fail($"repeats from {min} to {max} times");
                }

                return true;
            }
        }

        _at = start;
        return false;
    }

    private bool TryNumber(out int number)
    {
        number = 0;
        var start = _at;
        for (; _at < _text.Length && _text[_at] is >= '0' and <= '9'; _at++)
        {
            // Beyond the limit of states every number is alike.
            number = Math.Min((number * 10) + _text[_at] - '0', ConstraintLimits.PatternStatesMax);
        }

        return _at > start;
    }

    private RegexNode Atom()
    {
        var character = _text[_at++];
        switch (character)
        {
            case '(':
                return Group();
            case '[':
                return new CharsNode(Class());
            case '.':
                return new CharsNode(CharSet.Dot);
            case '^':
                return new AnchorNode(true);
            case '$':
                return new AnchorNode(false);
            case '\\':
                return Escape();
            case '*' or '+' or '?':
                return Fail($"has a '{(char)character}' that repeats nothing");
            case '{' when IsQuantifierHere():
                return Fail("has a '{' that repeats nothing");
            default:
                return new CharsNode(CharSet.Of((character, character)));
        }
    }

    private bool IsQuantifierHere()
    {
        var start = _at--;
        var isQuantifier = TryBraces(out _, out _);
        _at = start;
        return isQuantifier;
    }

    private RegexNode Group()
    {
        if (Take("?"))
        {
            if (Take("=") || Take("!"))
            {
                return Fail("looks ahead, which is not followed");
            }

            if (Take("<=") || Take("<!"))
            {
                return Fail("looks back, which is not followed");
            }

            if (Take(">"))
            {
                return Fail("uses an atomic group, which is not followed");
            }

            var isNamed = Take("P<") || Take("<");
            if (isNamed)
            {
                while (_at < _text.Length && !IsAt('>'))
                {
                    _at++;
                }
            }

            if (!Take(isNamed ? ">" : ":"))
            {
                return Fail("sets options inside the pattern, which are not followed");
            }
        }

        var inner = Choice();
        return Take(')') ? inner : Fail("has a '(' that nothing closes");
    }

    private RegexNode Escape()
    {
        if (_at >= _text.Length)
        {
            return Fail("ends with a backslash");
        }

        if (_text[_at] is 'b' or 'B' or 'A' or 'z' or 'Z' or 'G')
        {
            return Fail($"uses \\{(char)_text[_at]}, which is not followed; use ^ and $ for the ends");
        }

        if (_text[_at] is (>= '1' and <= '9') or 'k')
        {
            return Fail("refers back to what a group matched, which no automaton follows");
        }

        return new CharsNode(ClassEscape(out _));
    }

    /// <summary>After a backslash: a class such as \d, or one character.</summary>
    private CharSet ClassEscape(out int character)
    {
        character = -1;
        var letter = _text[_at++];
        switch (letter)
        {
            case 'd':
                return CharSet.Digits;
            case 'D':
                return CharSet.Digits.Complement();
            case 'w':
                return CharSet.Word;
            case 'W':
                return CharSet.Word.Complement();
            case 's':
                return CharSet.Space;
            case 'S':
                return CharSet.Space.Complement();
            case 'p' or 'P':
                return Category(letter == 'P');
            default:
                character = OneOf(letter);
                return CharSet.Of((character, character));
        }
    }

    private int OneOf(int letter)
    {
        switch (letter)
        {
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'f':
                return '\f';
            case 'v':
                return '\v';
            case '0':
                return 0;
            case 'x':
                return Hex(2);
            case 'u':
                return Unicode();
            case 'c' when _at < _text.Length && _text[_at] is (>= 'A' and <= 'Z') or (>= 'a' and <= 'z'):
                return _text[_at++] & 31;
            default:
                if (letter < 128 && char.IsAsciiLetterOrDigit((char)letter))
                {
                    _ = Fail($"uses \\{(char)letter}, which is not known");
                }

                return letter;
        }
    }

    /// <summary><c>\u00e4</c>, <c>\u{1F642}</c>, or a surrogate pair of the first form.</summary>
    private int Unicode()
    {
        if (Take('{'))
        {
            var value = Hex(6, upTo: true);
            return Take('}') && Rune.IsValid(value) ? value : FailCharacter("has a \\u{ } that is no character");
        }

        var first = Hex(4);
        if (first is >= 0xD800 and <= 0xDBFF && Take("\\u"))
        {
            var second = Hex(4);
            return second is >= 0xDC00 and <= 0xDFFF ? char.ConvertToUtf32((char)first, (char)second) : FailCharacter("names half of a surrogate pair");
        }

        return first is >= 0xD800 and <= 0xDFFF ? FailCharacter("names half of a surrogate pair") : first;
    }

    private int FailCharacter(string what)
    {
        _ = Fail(what);
        return 0;
    }

    private int Hex(int digits, bool upTo = false)
    {
        var value = 0;
        var taken = 0;
        for (; taken < digits && _at < _text.Length && _text[_at] < 128 && char.IsAsciiHexDigit((char)_text[_at]); taken++)
        {
            value = (value * 16) + Convert.ToInt32(((char)_text[_at++]).ToString(), 16);
        }

        return taken == digits || (upTo && taken > 0) ? value : FailCharacter("has an escape with too few hexadecimal digits");
    }

    private CharSet Class()
    {
        var isNegated = Take('^');
        var set = CharSet.Of();
        while (Problem.Length == 0 && !IsAt(']'))
        {
            if (_at >= _text.Length)
            {
                _ = Fail("has a '[' that nothing closes");
                return set;
            }

            set = set.Union(ClassItem());
        }

        _at++;
        return isNegated ? set.Complement() : set;
    }

    private CharSet ClassItem()
    {
        if (IsAt('[') && _at + 1 < _text.Length && _text[_at + 1] == ':')
        {
            _ = Fail("uses a POSIX class, which is not followed; write the characters");
            return CharSet.All;
        }

        var single = ClassCharacter(out var low);
        if (low < 0 || !IsAt('-') || _at + 1 >= _text.Length || _text[_at + 1] == ']')
        {
            return single;
        }

        _at++;
        _ = ClassCharacter(out var high);
        if (high < low)
        {
            _ = Fail(high < 0 ? "has a range that ends in a class" : "has a range that runs backwards");
            return single;
        }

        return CharSet.Of((low, high));
    }

    private CharSet ClassCharacter(out int character)
    {
        character = _at < _text.Length ? _text[_at++] : 0;
        if (character != '\\')
        {
            return CharSet.Of((character, character));
        }

        if (_at >= _text.Length)
        {
            _ = Fail("ends with a backslash");
            return CharSet.All;
        }

        if (_text[_at] == 'b')
        {
            // Inside a class it is the control character (ECMA-262, section 22.2.1).
            _at++;
            character = '\b';
            return CharSet.Of((character, character));
        }

        return ClassEscape(out character);
    }

    /// <summary>A general category of Unicode, such as \p{L} or \p{Lu}.</summary>
    private CharSet Category(bool isNegated)
    {
        var start = _at;
        if (!Take('{'))
        {
            _ = Fail("has a \\p without its category in braces");
            return CharSet.All;
        }

        while (_at < _text.Length && !IsAt('}'))
        {
            _at++;
        }

        var name = string.Concat(_text[(start + 1)..Math.Min(_at, _text.Length)].Select(value => new Rune(value).ToString()));
        if (!Take('}') || UnicodeCategories.Find(name) is not { } set)
        {
            _ = Fail($"names the Unicode category '{name}', which is not known; general categories such as L, Lu or Nd are");
            return CharSet.All;
        }

        return isNegated ? set.Complement() : set;
    }
}
