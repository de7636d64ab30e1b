namespace Jesus.Inference.Engine.Templates.Syntax;

/// <summary>Goes through lexemes, one ahead.</summary>
internal sealed class LexemeReader(List<Lexeme> lexemes)
{
    private int _at;
    private int _depth;

    public Lexeme Current => lexemes[_at];
    public Lexeme Ahead => lexemes[Math.Min(_at + 1, lexemes.Count - 1)];

    public Lexeme Take() => lexemes[_at < lexemes.Count - 1 ? _at++ : _at];

    /// <summary>Takes a keyword or operator if it comes next.</summary>
    public bool TryTake(string text)
    {
        var found = Current.Is(text);
        _at += found ? 1 : 0;
        return found;
    }

    public void Expect(string text)
    {
        if (!TryTake(text))
        {
            throw Fault($"'{text}' is expected here, not {Current}.");
        }
    }

    public Lexeme Expect(LexemeKind kind, string what) => Current.Kind == kind ? Take() : throw Fault($"{what} is expected here, not {Current}.");

    public TemplateFault Fault(string message) => new(Current.Place, message);

    /// <summary>Goes one level deeper into nested syntax; undone by <see cref="Leave"/>.</summary>
    public void Enter()
    {
        if (++_depth > TemplateLimits.NestingMax)
        {
            throw Fault($"nested deeper than {TemplateLimits.NestingMax}.");
        }
    }

    public void Leave() => _depth--;

    /// <summary>Counts one more link of a chain.</summary>
    public void Link(ref int links)
    {
        if (++links > TemplateLimits.ChainMax)
        {
            throw Fault($"more than {TemplateLimits.ChainMax} operators or filters in a chain, nested too deep to be run; set a part of it first.");
        }
    }
}
