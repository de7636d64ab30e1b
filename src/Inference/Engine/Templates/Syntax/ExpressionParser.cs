using System.Globalization;
using Jesus.Inference.Engine.Templates.Running;
using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Syntax;

/// <summary>Expressions with Jinja's precedence: inline if, or, and, not, comparisons, + -, ~, * / // %, unary, then members, calls, filters and tests.</summary>
internal sealed class ExpressionParser(LexemeReader reader)
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];
    private static readonly string[] Sums = ["+", "-"];
    private static readonly string[] Products = ["*", "/", "//", "%"];

    public Expression Parse()
    {
        reader.Enter();
        var place = reader.Current.Place;
        var value = Or();
        var links = 0;
        while (reader.TryTake("if"))
        {
            reader.Link(ref links);
            var condition = Or();
            value = new ConditionalExpression(place, condition, value, reader.TryTake("else") ? Parse() : null);
        }

        reader.Leave();
        return value;
    }

    /// <summary>An expression, or several with commas between: a list.</summary>
    public Expression ParseTuple()
    {
        var first = Parse();
        if (!reader.Current.Is(","))
        {
            return first;
        }

        var items = new List<Expression> { first };
        while (reader.TryTake(",") && reader.Current.Kind is not (LexemeKind.BlockClose or LexemeKind.OutputClose))
        {
            items.Add(Parse());
        }

        return new ListExpression(first.Place, items);
    }

    /// <summary>Without the inline if: what stands before a loop's own "if".</summary>
    public Expression ParseWithoutCondition() => Or();

    private Expression Or()
    {
        var left = And();
        var links = 0;
        while (reader.TryTake("or"))
        {
            reader.Link(ref links);
            left = new LogicExpression(left.Place, false, left, And());
        }

        return left;
    }

    private Expression And()
    {
        var left = Not();
        var links = 0;
        while (reader.TryTake("and"))
        {
            reader.Link(ref links);
            left = new LogicExpression(left.Place, true, left, Not());
        }

        return left;
    }

    private Expression Not()
    {
        var place = reader.Current.Place;
        if (!reader.Current.Is("not") || reader.Current.Kind != LexemeKind.Name)
        {
            return Comparison();
        }

        reader.Enter();
        reader.Take();
        var operand = Not();
        reader.Leave();
        return new NotExpression(place, operand);
    }

    private Expression Comparison()
    {
        var first = Sum();
        var rest = new List<(string Operator, Expression Operand)>();
        while (TryComparison(out var name))
        {
            rest.Add((name, Sum()));
        }

        return rest.Count == 0 ? first : new ComparisonExpression(first.Place, first, rest);
    }

    private bool TryComparison(out string name)
    {
        name = reader.Current.Text;
        if (reader.Current.Kind == LexemeKind.Operator && Comparisons.Contains(name))
        {
            reader.Take();
            return true;
        }

        if (reader.TryTake("in"))
        {
            return true;
        }

        if (reader.Current.Is("not") && reader.Ahead.Is("in"))
        {
            reader.Take();
            reader.Take();
            name = "not in";
            return true;
        }

        return false;
    }

    private Expression Sum() => LeftToRight(Sums, Concatenation);

    private Expression Concatenation() => LeftToRight(["~"], Product);

    private Expression Product() => LeftToRight(Products, () => Unary(true));

    private Expression LeftToRight(string[] operators, Func<Expression> operand)
    {
        var left = operand();
        var links = 0;
        while (reader.Current.Kind == LexemeKind.Operator && operators.Contains(reader.Current.Text))
        {
            reader.Link(ref links);
            var lexeme = reader.Take();
            left = new ArithmeticExpression(lexeme.Place, lexeme.Text, left, operand());
        }

        return left;
    }

    private Expression Unary(bool withFilters)
    {
        var lexeme = reader.Current;
        if (lexeme.Kind == LexemeKind.Operator && lexeme.Text is "-" or "+")
        {
            reader.Enter();
            reader.Take();
            var zero = new LiteralExpression(lexeme.Place, new IntegerValue(0));
            Expression signed = new ArithmeticExpression(lexeme.Place, lexeme.Text, zero, Unary(false));
            reader.Leave();
            return withFilters ? Applied(signed) : signed;
        }

        var value = Postfix(Primary());
        return withFilters ? Applied(value) : value;
    }

    private Expression Primary()
    {
        var lexeme = reader.Take();
        switch (lexeme.Kind)
        {
            case LexemeKind.Name:
                return Name(lexeme);
            case LexemeKind.String:
                var text = lexeme.Text;
                while (reader.Current.Kind == LexemeKind.String)
                {
                    text += reader.Take().Text;
                }

                return new LiteralExpression(lexeme.Place, TextValue.Of(text, true));
            case LexemeKind.Integer when long.TryParse(lexeme.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var integer):
                return new LiteralExpression(lexeme.Place, new IntegerValue(integer));
            case LexemeKind.Float:
                return new LiteralExpression(lexeme.Place, new FloatValue(double.Parse(lexeme.Text, CultureInfo.InvariantCulture)));
            default:
                return Bracketed(lexeme);
        }
    }

    private static Expression Name(Lexeme lexeme) => lexeme.Text switch
    {
        "true" or "True" => new LiteralExpression(lexeme.Place, Value.True),
        "false" or "False" => new LiteralExpression(lexeme.Place, Value.False),
        "none" or "None" => new LiteralExpression(lexeme.Place, Value.None),
        _ => new NameExpression(lexeme.Place, lexeme.Text),
    };

    private Expression Bracketed(Lexeme open)
    {
        if (open.Is("("))
        {
            var items = Items(")", out var sawComma);
            return items.Count == 1 && !sawComma ? items[0] : new ListExpression(open.Place, items);
        }

        if (open.Is("["))
        {
            return new ListExpression(open.Place, Items("]", out _));
        }

        return open.Is("{") ? Map(open.Place) : throw new TemplateFault(open.Place, $"a value is expected here, not {open}.");
    }

    private List<Expression> Items(string close, out bool sawComma)
    {
        var items = new List<Expression>();
        sawComma = false;
        while (!reader.TryTake(close))
        {
            items.Add(Parse());
            if (!reader.Current.Is(close))
            {
                reader.Expect(",");
                sawComma = true;
            }
        }

        return items;
    }

    private MapExpression Map(Place place)
    {
        var entries = new List<(Expression Key, Expression Value)>();
        while (!reader.TryTake("}"))
        {
            var key = Parse();
            reader.Expect(":");
            entries.Add((key, Parse()));
            if (!reader.Current.Is("}"))
            {
                reader.Expect(",");
            }
        }

        return new MapExpression(place, entries);
    }

    private Expression Postfix(Expression value)
    {
        for (var links = 0; ; reader.Link(ref links))
        {
            var place = reader.Current.Place;
            if (reader.TryTake("."))
            {
                value = Member(value, place);
            }
            else if (reader.TryTake("["))
            {
                value = Subscript(value, place);
            }
            else if (reader.TryTake("("))
            {
                value = Call(value, place);
            }
            else
            {
                return value;
            }
        }
    }

    private Expression Member(Expression target, Place place)
    {
        if (reader.Current.Kind == LexemeKind.Integer)
        {
            var index = new LiteralExpression(place, new IntegerValue(long.Parse(reader.Take().Text, CultureInfo.InvariantCulture)));
            return new IndexExpression(place, target, index);
        }

        return new MemberExpression(place, target, reader.Expect(LexemeKind.Name, "a member's name").Text);
    }

    private Expression Subscript(Expression target, Place place)
    {
        var from = reader.Current.Is(":") ? null : Parse();
        if (reader.TryTake("]"))
        {
            return new IndexExpression(place, target, from!);
        }

        reader.Expect(":");
        var to = reader.Current.Is(":") || reader.Current.Is("]") ? null : Parse();
        var step = reader.TryTake(":") && !reader.Current.Is("]") ? Parse() : null;
        reader.Expect("]");
        return new SliceExpression(place, target, from, to, step);
    }

    private Expression Call(Expression callee, Place place)
    {
        var arguments = Arguments();
        return callee switch
        {
            MemberExpression method => Methods.Find(method.Name) is { } function
                ? new AppliedExpression(place, method.Target, function, arguments)
                : throw new TemplateFault(method.Place, $"the method '{method.Name}' is not supported; known are {Methods.Known}."),
            NameExpression name => new CallExpression(place, name.Name, arguments),
            _ => throw new TemplateFault(place, "only functions, macros and methods can be called."),
        };
    }

    private List<Argument> Arguments()
    {
        var arguments = new List<Argument>();
        while (!reader.TryTake(")"))
        {
            var name = reader.Current.Kind == LexemeKind.Name && reader.Ahead is { Kind: LexemeKind.Operator, Text: "=" } ? reader.Take().Text : null;
            if (name is not null)
            {
                reader.Expect("=");
            }

            arguments.Add(new Argument(name, Parse()));
            if (!reader.Current.Is(")"))
            {
                reader.Expect(",");
            }
        }

        return arguments;
    }

    private Expression Applied(Expression value)
    {
        for (var links = 0; ; reader.Link(ref links))
        {
            if (reader.TryTake("|"))
            {
                value = Filter(value);
            }
            else if (reader.TryTake("is"))
            {
                value = Test(value);
            }
            else if (reader.Current.Is("("))
            {
                reader.Take();
                value = Call(value, reader.Current.Place);
            }
            else
            {
                return value;
            }
        }
    }

    private AppliedExpression Filter(Expression value)
    {
        var name = reader.Expect(LexemeKind.Name, "a filter's name");
        var filter = Filters.Find(name.Text) ?? throw new TemplateFault(name.Place, $"the filter '{name.Text}' is not supported; known are {Filters.Known}.");
        return new AppliedExpression(name.Place, value, filter, reader.TryTake("(") ? Arguments() : []);
    }

    private Expression Test(Expression value)
    {
        var negated = reader.TryTake("not");
        var name = reader.Take();
        var test = Tests.Find(name.Text) ?? throw new TemplateFault(name.Place, $"the test '{name.Text}' is not supported; known are {Tests.Known}.");
        List<Argument> arguments = reader.TryTake("(") ? Arguments() : BeginsOperand() ? [new Argument(null, Postfix(Primary()))] : [];
        var applied = new AppliedExpression(name.Place, value, test, arguments);
        return negated ? new NotExpression(name.Place, applied) : applied;
    }

    /// <summary>A test's one argument may stand without parentheses: <c>x is divisibleby 3</c>.</summary>
    private bool BeginsOperand() => reader.Current.Kind switch
    {
        LexemeKind.String or LexemeKind.Integer or LexemeKind.Float => true,
        LexemeKind.Name => reader.Current.Text is not ("else" or "or" or "and" or "is" or "if" or "in" or "not"),
        LexemeKind.Operator => reader.Current.Text is "[" or "{",
        _ => false,
    };
}
