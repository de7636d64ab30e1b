namespace Jesus.Inference.Engine.Templates.Syntax;

internal enum LexemeKind : byte
{
    /// <summary>Text outside of tags.</summary>
    Text,

    /// <summary><c>{{</c> and <c>}}</c>.</summary>
    OutputOpen,
    OutputClose,

    /// <summary><c>{%</c> and <c>%}</c>.</summary>
    BlockOpen,
    BlockClose,
    Name,
    String,
    Integer,
    Float,
    Operator,
    End,
}

/// <summary>A piece of a template's source.</summary>
internal readonly record struct Lexeme(LexemeKind Kind, string Text, Place Place)
{
    public bool Is(string text) => Kind is LexemeKind.Operator or LexemeKind.Name && Text == text;

    public override string ToString() => Kind == LexemeKind.End ? "the end of the template" : $"'{Text}'";
}
