using System.Globalization;
using System.Text;

namespace Jesus.Appliance.Runner.Expressions;

/// <summary>
/// Recursive descent over: <c>or</c>, <c>and</c>, <c>not</c>, one comparison (<c>== != &lt; &lt;= &gt; &gt;= in</c>), then a value: a literal, a
/// reference, a function of <see cref="Function"/>, or brackets. Nothing else exists: workflows decide little, and what they decide is checked.
/// </summary>
internal ref struct ExpressionParser
{
    /// <summary>Nested brackets and nots; deeper is no condition a person wrote, and the parser recurses.</summary>
    private const int DepthMax = 32;

    private static readonly string[] ValueStarts = ["inputs.NAME", "steps.ID.output", "a number", "a 'string'", "true", "false", "null", "length()", "contains()", "default()"];
    private static readonly string[] FunctionNames = ["length", "contains", "default"];

    private readonly IReadOnlyCollection<string> _items;
    private ExpressionLexer _lexer;
    private Token _token;
    private int _depth;
    private ExpressionError? _error;

    private ExpressionParser(string text, int start, int end, IReadOnlyCollection<string> items)
    {
        _lexer = new ExpressionLexer(text, start, end);
        _items = items;
        _token = _lexer.Next();
    }

    /// <summary>Parses <c>text[start..end]</c>; <paramref name="items"/> are the names of the enclosing maps' items.</summary>
    public static Expression? Parse(string text, int start, int end, IReadOnlyCollection<string> items, out ExpressionError? error)
    {
        var parser = new ExpressionParser(text, start, end, items);
        var expression = parser.Or();
        if (parser._error is null && parser._token.Kind != TokenKind.End)
        {
            parser.Fail(parser._token.Kind == TokenKind.Bad ? parser._token.Text : $"'{parser._token.Text}' is not expected here",
                "==", "!=", "<", "<=", ">", ">=", "in", "and", "or");
        }

        error = parser._error;
        return error is null ? expression : null;
    }

    private Expression Or()
    {
        var left = And();
        while (_error is null && _token.Is("or"))
        {
            var at = Advance();
            left = new Binary(at, Operator.Or, left, And());
        }

        return left;
    }

    private Expression And()
    {
        var left = Not();
        while (_error is null && _token.Is("and"))
        {
            var at = Advance();
            left = new Binary(at, Operator.And, left, Not());
        }

        return left;
    }

    private Expression Not()
    {
        if (!_token.Is("not"))
        {
            return Comparison();
        }

        var at = Advance();
        return Enter() ? Leave(new Negation(at, Not())) : Nothing(at);
    }

    private Expression Comparison()
    {
        var left = Value();
        if (_error is not null || ComparisonOperator() is not { } op)
        {
            return left;
        }

        var at = Advance();
        var binary = new Binary(at, op, left, Value());
        if (_error is null && ComparisonOperator() is not null)
        {
            Fail("comparisons do not chain: join two with 'and'", "and", "or");
        }

        return binary;
    }

    private Operator? ComparisonOperator() => _token switch
    {
        { Kind: TokenKind.Symbol, Text: "==" } => Operator.Equal,
        { Kind: TokenKind.Symbol, Text: "!=" } => Operator.NotEqual,
        { Kind: TokenKind.Symbol, Text: "<" } => Operator.Less,
        { Kind: TokenKind.Symbol, Text: "<=" } => Operator.LessOrEqual,
        { Kind: TokenKind.Symbol, Text: ">" } => Operator.Greater,
        { Kind: TokenKind.Symbol, Text: ">=" } => Operator.GreaterOrEqual,
        { Kind: TokenKind.Name, Text: "in" } => Operator.In,
        _ => null,
    };

    private Expression Value()
    {
        var token = _token;
        switch (token.Kind)
        {
            case TokenKind.String:
                _ = Advance();
                return new Literal(token.Offset, JsonValues.Of(token.Text));
            case TokenKind.Number:
                _ = Advance();
                return Number(token);
            case TokenKind.Name:
                _ = Advance();
                return Named(token);
            case TokenKind.Symbol when token.Text is "(" or "${":
                return Bracketed(token);
            case TokenKind.Bad:
                return Fail(token.Text);
            default:
                return Fail(token.Kind == TokenKind.End ? "a value is missing at the end" : $"a value is expected, not '{token.Text}'", ValueStarts);
        }
    }

    private Literal Number(Token token) =>
        decimal.TryParse(token.Text, NumberStyles.Number, CultureInfo.InvariantCulture, out _)
            ? new Literal(token.Offset, JsonValues.Parse(Encoding.UTF8.GetBytes(token.Text)))
            : FailAt(token.Offset, $"'{token.Text}' is no number");

    private Expression Bracketed(Token open)
    {
        _ = Advance();
        if (!Enter())
        {
            return Nothing(open.Offset);
        }

        var inner = Or();
        Expect(open.Text == "(" ? ")" : "}");
        return Leave(inner);
    }

    private Expression Named(Token name) => name.Text switch
    {
        "true" => new Literal(name.Offset, JsonValues.True),
        "false" => new Literal(name.Offset, JsonValues.False),
        "null" => new Literal(name.Offset, JsonValues.Null),
        "inputs" => Root(name, ReferenceRoot.Input),
        "steps" => Root(name, ReferenceRoot.Step),
        _ when _items.Contains(name.Text) => new Reference(name.Offset, ReferenceRoot.Item, name.Text, Path()),
        _ when _token.Is("(") => Function(name),
        "item" => FailAt(name.Offset, "'item' exists only inside a map's steps, under the name that its 'as' gives", [.. _items]),
        _ => FailAt(name.Offset, $"'{name.Text}' is unknown{Nearest.Hint(name.Text, ["inputs", "steps", .. _items])}", [.. _items, .. ValueStarts]),
    };

    private Expression Root(Token token, ReferenceRoot root)
    {
        Expect(".");
        var name = _token;
        if (_error is null && name.Kind != TokenKind.Name)
        {
            return Fail(root == ReferenceRoot.Input ? "the name of an input is expected after 'inputs.'" : "the id of a step is expected after 'steps.'");
        }

        _ = Advance();
        if (root == ReferenceRoot.Step)
        {
            Expect(".");
            if (_error is null && !_token.Is("output"))
            {
                return Fail($"after 'steps.{name.Text}.' comes 'output'", "output");
            }

            _ = Advance();
        }

        return new Reference(token.Offset, root, name.Text, Path());
    }

    private List<PathSegment> Path()
    {
        var path = new List<PathSegment>();
        while (_error is null && _token.Is(".") || _token.Is("["))
        {
            var dot = _token.Is(".");
            _ = Advance();
            path.Add(dot ? Field() : Index());
        }

        return path;
    }

    private PathSegment Field()
    {
        var name = _token;
        if (name.Kind != TokenKind.Name)
        {
            _ = Fail("the name of a field is expected after '.'");
        }

        _ = Advance();
        return new PathSegment(name.Text, 0);
    }

    private PathSegment Index()
    {
        if (_token.Kind != TokenKind.Number || !int.TryParse(_token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
        {
            _ = Fail("an index from 0 is expected in '[ ]'");
            return default;
        }

        _ = Advance();
        Expect("]");
        return new PathSegment(null, index);
    }

    private Expression Function(Token name)
    {
        var index = Array.IndexOf(FunctionNames, name.Text);
        if (index < 0)
        {
            return FailAt(name.Offset, $"there is no function '{name.Text}'{Nearest.Hint(name.Text, FunctionNames)}", FunctionNames);
        }

        var arguments = Arguments();
        var wanted = index == 0 ? 1 : 2;
        return _error is null && arguments.Count != wanted
            ? FailAt(name.Offset, $"{name.Text}() takes {wanted} value{(wanted == 1 ? "" : "s")}, not {arguments.Count}")
            : new Call(name.Offset, (Function)index, arguments);
    }

    private List<Expression> Arguments()
    {
        var arguments = new List<Expression>();
        Expect("(");
        if (!Enter())
        {
            return arguments;
        }

        while (_error is null && !_token.Is(")"))
        {
            arguments.Add(Or());
            if (!_token.Is(","))
            {
                break;
            }

            _ = Advance();
        }

        Expect(")");
        _depth--;
        return arguments;
    }

    private void Expect(string symbol)
    {
        if (_error is null && !_token.Is(symbol))
        {
            _ = Fail(_token.Kind == TokenKind.End ? $"'{symbol}' is missing at the end" : $"'{symbol}' is expected, not '{_token.Text}'", symbol);
        }

        _ = Advance();
    }

    private int Advance()
    {
        var at = _token.Offset;
        if (_error is null)
        {
            _token = _lexer.Next();
        }

        return at;
    }

    private bool Enter()
    {
        if (++_depth > DepthMax)
        {
            _ = Fail($"brackets nest deeper than {DepthMax}: split the condition over two steps");
            return false;
        }

        return true;
    }

    private Expression Leave(Expression expression)
    {
        _depth--;
        return expression;
    }

    private Literal Fail(string message, params string[] allowed) => FailAt(_token.Offset, message, allowed);

    /// <summary>Keeps the first error, and makes the rest of the text read as ended.</summary>
    private Literal FailAt(int offset, string message, params string[] allowed)
    {
        _error ??= new ExpressionError(offset, message, allowed);
        _token = new Token(TokenKind.End, "", offset);
        return Nothing(offset);
    }

    private static Literal Nothing(int offset) => new(offset, JsonValues.Null);
}
