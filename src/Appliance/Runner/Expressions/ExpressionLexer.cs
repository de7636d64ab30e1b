namespace Jesus.Appliance.Runner.Expressions;

internal enum TokenKind : byte
{
    End,
    Name,
    Number,
    String,

    /// <summary>An operator or a bracket; its text says which.</summary>
    Symbol,
    Bad,
}

internal readonly record struct Token(TokenKind Kind, string Text, int Offset)
{
    public bool Is(string symbol) => Kind is TokenKind.Symbol or TokenKind.Name && Text == symbol;
}

/// <summary>Splits an expression into tokens. <c>${</c> and <c>}</c> are brackets: inside <c>when</c> a reference may wear them.</summary>
internal ref struct ExpressionLexer(string text, int start, int end)
{
    private static readonly string[] Symbols = ["${", "==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", "}", ".", ","];
    private int _at = start;

    public Token Next()
    {
        while (_at < end && char.IsWhiteSpace(text[_at]))
        {
            _at++;
        }

        if (_at >= end)
        {
            return new Token(TokenKind.End, "", end);
        }

        var c = text[_at];
        return char.IsLetter(c) || c == '_' ? Name()
            : char.IsAsciiDigit(c) || (c == '-' && _at + 1 < end && char.IsAsciiDigit(text[_at + 1])) ? Number()
            : c is '\'' or '"' ? Quoted(c)
            : Symbol();
    }

    private Token Name()
    {
        var from = _at;
        while (_at < end && (char.IsLetterOrDigit(text[_at]) || text[_at] is '_' or '-'))
        {
            _at++;
        }

        return new Token(TokenKind.Name, text[from.._at], from);
    }

    private Token Number()
    {
        var from = _at++;
        while (_at < end && (char.IsAsciiDigit(text[_at]) || (text[_at] == '.' && _at + 1 < end && char.IsAsciiDigit(text[_at + 1]))))
        {
            _at++;
        }

        return new Token(TokenKind.Number, text[from.._at], from);
    }

    private Token Quoted(char quote)
    {
        var from = _at++;
        var close = text.IndexOf(quote, _at, end - _at);
        if (close < 0)
        {
            _at = end;
            return new Token(TokenKind.Bad, "a string is not closed", from);
        }

        _at = close + 1;
        return new Token(TokenKind.String, text[(from + 1)..close], from);
    }

    private Token Symbol()
    {
        foreach (var symbol in Symbols)
        {
            if (string.CompareOrdinal(text, _at, symbol, 0, symbol.Length) == 0)
            {
                var token = new Token(TokenKind.Symbol, symbol, _at);
                _at += symbol.Length;
                return token;
            }
        }

        return new Token(TokenKind.Bad, $"the character '{text[_at]}' means nothing here", _at++);
    }
}
