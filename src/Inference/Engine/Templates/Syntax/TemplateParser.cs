using Jesus.Inference.Engine.Templates.Running;
using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Syntax;

/// <summary>A template's statements.</summary>
internal sealed class TemplateParser
{
    private const string Known = "for, if, set, macro, break, continue, generation, raw";
    private readonly LexemeReader _reader;
    private readonly ExpressionParser _expressions;
    private int _loops;

    private TemplateParser(List<Lexeme> lexemes)
    {
        _reader = new LexemeReader(lexemes);
        _expressions = new ExpressionParser(_reader);
    }

    public static List<Statement> Parse(string source)
    {
        var parser = new TemplateParser(Lexer.Cut(source));
        var body = parser.Body();
        return parser._reader.Current.Kind == LexemeKind.End ? body : throw parser._reader.Fault($"{parser._reader.Current} closes nothing that is open.");
    }

    /// <summary>Statements up to one of the given closing words (left untaken, after its opening brace) or the end.</summary>
    private List<Statement> Body(params ReadOnlySpan<string> closing)
    {
        _reader.Enter();
        var statements = new List<Statement>();
        while (_reader.Current.Kind != LexemeKind.End)
        {
            if (_reader.Current.Kind == LexemeKind.BlockOpen && closing.Contains(_reader.Ahead.Text))
            {
                _reader.Take();
                break;
            }

            Next(statements);
        }

        _reader.Leave();
        return statements;
    }

    private void Next(List<Statement> statements)
    {
        var lexeme = _reader.Take();
        switch (lexeme.Kind)
        {
            case LexemeKind.Text:
                statements.Add(new TextStatement(lexeme.Place, TextValue.Of(lexeme.Text, true)));
                break;
            case LexemeKind.OutputOpen:
                statements.Add(new OutputStatement(lexeme.Place, _expressions.ParseTuple()));
                _reader.Expect(LexemeKind.OutputClose, "'}}'");
                break;
            default:
                Block(statements);
                break;
        }
    }

    private void Block(List<Statement> statements)
    {
        var word = _reader.Expect(LexemeKind.Name, "a statement");
        switch (word.Text)
        {
            case "if":
                statements.Add(If(word.Place));
                break;
            case "for":
                statements.Add(For(word.Place));
                break;
            case "set":
                statements.Add(Set(word.Place));
                break;
            case "macro":
                statements.Add(Macro(word.Place));
                break;
            case "break" or "continue":
                statements.Add(Break(word));
                break;
            case "generation":
                // It marks what to train on and shows nothing of its own.
                CloseBlock();
                statements.AddRange(Body("endgeneration"));
                CloseWith("endgeneration");
                break;
            default:
                throw new TemplateFault(word.Place, $"the statement '{word.Text}' is not supported; known are {Known}.");
        }
    }

    private IfStatement If(Place place)
    {
        var branches = new List<(Expression Condition, List<Statement> Body)>();
        var otherwise = new List<Statement>();
        do
        {
            var condition = _expressions.Parse();
            CloseBlock();
            branches.Add((condition, Body("elif", "else", "endif")));
        }
        while (_reader.TryTake("elif"));

        if (_reader.TryTake("else"))
        {
            CloseBlock();
            otherwise = Body("endif");
        }

        CloseWith("endif");
        return new IfStatement(place, branches, otherwise);
    }

    private ForStatement For(Place place)
    {
        var target = ReadTarget(false);
        _reader.Expect("in");
        var items = _expressions.ParseWithoutCondition();
        var condition = _reader.TryTake("if") ? _expressions.Parse() : null;
        if (_reader.Current.Is("recursive"))
        {
            throw _reader.Fault("'recursive' loops are not supported; use a macro.");
        }

        CloseBlock();
        _loops++;
        var body = Body("else", "endfor");
        _loops--;
        var otherwise = new List<Statement>();
        if (_reader.TryTake("else"))
        {
            CloseBlock();
            otherwise = Body("endfor");
        }

        CloseWith("endfor");
        return new ForStatement(place, target, items, condition, body, otherwise);
    }

    private Statement Set(Place place)
    {
        var target = ReadTarget(true);
        if (_reader.TryTake("="))
        {
            var value = _expressions.ParseTuple();
            CloseBlock();
            return new SetStatement(place, target, value);
        }

        CloseBlock();
        var body = Body("endset");
        CloseWith("endset");
        return new SetBlockStatement(place, target, body);
    }

    private MacroStatement Macro(Place place)
    {
        var name = _reader.Expect(LexemeKind.Name, "the macro's name").Text;
        var parameters = new List<(string Name, Expression? Default)>();
        _reader.Expect("(");
        while (!_reader.TryTake(")"))
        {
            var parameter = _reader.Expect(LexemeKind.Name, "a parameter's name").Text;
            parameters.Add((parameter, _reader.TryTake("=") ? _expressions.Parse() : null));
            if (!_reader.Current.Is(")"))
            {
                _reader.Expect(",");
            }
        }

        CloseBlock();
        var outerLoops = _loops;
        _loops = 0;
        var body = Body("endmacro");
        _loops = outerLoops;
        CloseWith("endmacro");
        return new MacroStatement(place, name, parameters, body);
    }

    private BreakStatement Break(Lexeme word)
    {
        if (_loops == 0)
        {
            throw new TemplateFault(word.Place, $"'{word.Text}' stands outside of a loop.");
        }

        CloseBlock();
        return new BreakStatement(word.Place, word.Text == "break" ? Flow.Break : Flow.Continue);
    }

    private Target ReadTarget(bool mayBeMember)
    {
        var place = _reader.Current.Place;
        var parenthesised = _reader.TryTake("(");
        var names = new List<string>();
        do
        {
            names.Add(_reader.Expect(LexemeKind.Name, "a name").Text);
        }
        while (_reader.TryTake(","));

        if (parenthesised)
        {
            _reader.Expect(")");
        }

        var member = mayBeMember && names.Count == 1 && _reader.TryTake(".") ? _reader.Expect(LexemeKind.Name, "a member's name").Text : null;
        return new Target(place, names, member);
    }

    private void CloseWith(string word)
    {
        _reader.Expect(word);
        CloseBlock();
    }

    private void CloseBlock() => _reader.Expect(LexemeKind.BlockClose, "'%}'");
}
