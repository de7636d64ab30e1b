using System.Text;

namespace Jesus.Inference.Engine.Templates.Syntax;

/// <summary>
/// Cuts a template into lexemes, with the white space rules that chat templates are written for: Jinja's trim_blocks and lstrip_blocks on,
/// the last newline of the file dropped, <c>-</c> and <c>+</c> beside a tag's braces.
/// </summary>
internal sealed class Lexer
{
    private static readonly string[] Operators =
        ["==", "!=", "<=", ">=", "//", "**", "+", "-", "*", "/", "%", "~", "<", ">", "=", "|", ".", ",", ":", "(", ")", "[", "]", "{", "}"];

    private readonly string _source;
    private readonly List<Lexeme> _lexemes = [];
    private int _at;
    private int _line = 1;
    private int _lineStart;
    private bool _stripNext;
    private bool _lineStarting = true;

    private Lexer(string source) => _source = source;

    public static List<Lexeme> Cut(string source)
    {
        source = source.ReplaceLineEndings("\n");
        source = source.EndsWith('\n') ? source[..^1] : source;
        var lexer = new Lexer(source);
        while (lexer._at < source.Length)
        {
            lexer.Next();
        }

        lexer.Add(LexemeKind.End, "");
        return lexer._lexemes;
    }

    private Place Here => new(_line, _at - _lineStart + 1);

    private void Next()
    {
        var open = FindTag();
        AddText(open);
        if (open >= _source.Length)
        {
            return;
        }

        var kind = _source[_at + 1];
        if (kind == '#')
        {
            SkipComment();
        }
        else if (kind == '%' && IsRaw(out var bodyStart))
        {
            TakeRaw(bodyStart);
        }
        else
        {
            TakeTag(kind == '%');
        }
    }

    private int FindTag()
    {
        for (var i = _at; i + 1 < _source.Length; i++)
        {
            if (_source[i] == '{' && _source[i + 1] is '{' or '%' or '#')
            {
                return i;
            }
        }

        return _source.Length;
    }

    private void AddText(int end)
    {
        var text = _source[_at..end];
        var place = Here;
        MoveTo(end);
        if (_stripNext)
        {
            text = text.TrimStart();
            _stripNext = false;
        }

        if (end < _source.Length)
        {
            text = StripBefore(text, end);
        }

        if (text.Length > 0)
        {
            _lexemes.Add(new Lexeme(LexemeKind.Text, text, place));
        }
    }

    private string StripBefore(string text, int tag)
    {
        var sign = tag + 2 < _source.Length ? _source[tag + 2] : ' ';
        if (sign == '-')
        {
            return text.TrimEnd();
        }

        // lstrip_blocks: what stands before a block on its line goes, if it is white space only.
        var lineStart = text.LastIndexOf('\n') + 1;
        var isBlock = _source[tag + 1] != '{';
        return isBlock && sign != '+' && (lineStart > 0 || _lineStarting) && string.IsNullOrWhiteSpace(text[lineStart..]) ? text[..lineStart] : text;
    }

    private void SkipComment()
    {
        var end = _source.IndexOf("#}", _at + 2, StringComparison.Ordinal);
        if (end < 0)
        {
            throw new TemplateFault(Here, "a comment is not closed with #}.");
        }

        CloseTag(end, true);
    }

    private bool IsRaw(out int bodyStart)
    {
        var end = _source.IndexOf("%}", _at, StringComparison.Ordinal);
        bodyStart = end + 2;
        return end > _at + 1 && _source[(_at + 2)..end].Trim(' ', '-', '+') == "raw";
    }

    private void TakeRaw(int bodyStart)
    {
        var place = Here;
        var end = bodyStart;
        while ((end = _source.IndexOf("{%", end, StringComparison.Ordinal)) >= 0)
        {
            var close = _source.IndexOf("%}", end, StringComparison.Ordinal);
            if (close > end + 1 && _source[(end + 2)..close].Trim(' ', '-', '+') == "endraw")
            {
                _lexemes.Add(new Lexeme(LexemeKind.Text, _source[bodyStart..end], place));
                CloseTag(close, true);
                return;
            }

            end += 2;
        }

        throw new TemplateFault(place, "{% raw %} is not closed with {% endraw %}.");
    }

    private void TakeTag(bool isBlock)
    {
        Add(isBlock ? LexemeKind.BlockOpen : LexemeKind.OutputOpen, isBlock ? "{%" : "{{");
        MoveTo(_at + 2);
        if (_at < _source.Length && _source[_at] is '-' or '+')
        {
            MoveTo(_at + 1);
        }

        var closing = isBlock ? "%}" : "}}";
        var open = 0;
        while (true)
        {
            SkipSpace();
            if (_at >= _source.Length)
            {
                throw new TemplateFault(Here, $"a tag is not closed with {closing}.");
            }

            var signed = _source[_at] is '-' or '+' && string.CompareOrdinal(_source, _at + 1, closing, 0, 2) == 0;
            if (open == 0 && (signed || string.CompareOrdinal(_source, _at, closing, 0, 2) == 0))
            {
                Add(isBlock ? LexemeKind.BlockClose : LexemeKind.OutputClose, closing);
                CloseTag(signed ? _at + 1 : _at, isBlock);
                return;
            }

            TakeLexeme();
            open += _lexemes[^1].Kind != LexemeKind.Operator ? 0 : _lexemes[^1].Text switch { "{" or "(" or "[" => 1, "}" or ")" or "]" => -1, _ => 0 };
        }
    }

    /// <summary>Moves past a tag's two closing characters and notes what its sign asks of the white space behind.</summary>
    private void CloseTag(int close, bool trimsNewline)
    {
        var sign = _source[close - 1];
        MoveTo(close + 2);
        _stripNext = sign == '-';
        _lineStarting = false;
        if (trimsNewline && sign is not ('-' or '+') && _at < _source.Length && _source[_at] == '\n')
        {
            MoveTo(_at + 1);
            _lineStarting = true;
        }
    }

    private void TakeLexeme()
    {
        var first = _source[_at];
        if (first is '"' or '\'')
        {
            TakeString(first);
        }
        else if (char.IsAsciiDigit(first))
        {
            TakeNumber();
        }
        else if (char.IsAsciiLetter(first) || first == '_')
        {
            var end = EndOf(_at, static c => char.IsAsciiLetterOrDigit(c) || c == '_');
            Take(LexemeKind.Name, end);
        }
        else
        {
            TakeOperator();
        }
    }

    private void TakeOperator()
    {
        foreach (var candidate in Operators)
        {
            if (string.CompareOrdinal(_source, _at, candidate, 0, candidate.Length) == 0)
            {
                Take(LexemeKind.Operator, _at + candidate.Length);
                return;
            }
        }

        throw new TemplateFault(Here, $"the character '{_source[_at]}' has no meaning inside a tag.");
    }

    private void TakeNumber()
    {
        var end = EndOf(_at, char.IsAsciiDigit);
        var isFloat = end + 1 < _source.Length && _source[end] == '.' && char.IsAsciiDigit(_source[end + 1]);
        Take(isFloat ? LexemeKind.Float : LexemeKind.Integer, isFloat ? EndOf(end + 1, char.IsAsciiDigit) : end);
    }

    private void TakeString(char quote)
    {
        var place = Here;
        var text = new StringBuilder();
        var i = _at + 1;
        while (i < _source.Length && _source[i] != quote)
        {
            if (_source[i] == '\\' && i + 1 < _source.Length)
            {
                i = TakeEscape(text, i + 1);
                continue;
            }

            text.Append(_source[i++]);
        }

        if (i >= _source.Length)
        {
            throw new TemplateFault(place, "a string is not closed.");
        }

        MoveTo(i + 1);
        _lexemes.Add(new Lexeme(LexemeKind.String, text.ToString(), place));
    }

    /// <summary>Python's escapes: an unknown one keeps its backslash, one before the end of a line joins the lines.</summary>
    private int TakeEscape(StringBuilder text, int at)
    {
        if (_source[at] == '\n')
        {
            return at + 1;
        }

        var digits = _source[at] switch { 'x' => 2, 'u' => 4, _ => 0 };
        if (digits > 0 && at + digits < _source.Length && uint.TryParse(_source.AsSpan(at + 1, digits), System.Globalization.NumberStyles.HexNumber, null, out var code))
        {
            text.Append((char)code);
            return at + 1 + digits;
        }

        const string Letters = "ntr0abfv\\'\"";
        const string Meanings = "\n\t\r\0\a\b\f\v\\'\"";
        var letter = Letters.IndexOf(_source[at], StringComparison.Ordinal);
        if (letter < 0)
        {
            text.Append('\\').Append(_source[at]);
        }
        else
        {
            text.Append(Meanings[letter]);
        }

        return at + 1;
    }

    private int EndOf(int from, Func<char, bool> belongs)
    {
        while (from < _source.Length && belongs(_source[from]))
        {
            from++;
        }

        return from;
    }

    private void SkipSpace() => MoveTo(EndOf(_at, char.IsWhiteSpace));

    private void Take(LexemeKind kind, int end)
    {
        Add(kind, _source[_at..end]);
        MoveTo(end);
    }

    private void Add(LexemeKind kind, string text) => _lexemes.Add(new Lexeme(kind, text, Here));

    private void MoveTo(int end)
    {
        for (; _at < end; _at++)
        {
            if (_source[_at] == '\n')
            {
                _line++;
                _lineStart = _at + 1;
            }
        }
    }
}
