using System.Text.Json;

namespace Jesus.Appliance.Runner.Expressions;

public enum Operator : byte
{
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    And,
    Or,
}

public enum Function : byte
{
    /// <summary>Members of a list or object, characters of a string.</summary>
    Length,

    /// <summary><c>contains(whole, part)</c>: a list has the member, a string the substring, an object the name.</summary>
    Contains,

    /// <summary><c>default(value, otherwise)</c>: the second where the first is null or absent.</summary>
    Default,
}

/// <summary>A parsed expression: immutable, shared by all runs. <paramref name="Offset"/> is its first character in the scalar.</summary>
public abstract record Expression(int Offset)
{
    /// <summary>Every reference in it, for the graph check.</summary>
    public IEnumerable<Reference> References() => this switch
    {
        Reference reference => [reference],
        Negation negation => negation.Operand.References(),
        Binary binary => binary.Left.References().Concat(binary.Right.References()),
        Call call => call.Arguments.SelectMany(argument => argument.References()),
        _ => [],
    };
}

public sealed record Literal(int Offset, JsonElement Value) : Expression(Offset);

public sealed record Negation(int Offset, Expression Operand) : Expression(Offset);

public sealed record Binary(int Offset, Operator Operator, Expression Left, Expression Right) : Expression(Offset);

public sealed record Call(int Offset, Function Function, IReadOnlyList<Expression> Arguments) : Expression(Offset);

public enum ReferenceRoot : byte
{
    /// <summary><c>inputs.NAME</c></summary>
    Input,

    /// <summary><c>steps.NAME.output</c></summary>
    Step,

    /// <summary>The item of the enclosing map, under the name that its <c>as</c> gives.</summary>
    Item,
}

/// <summary>A place to read: root, name, then fields and indexes.</summary>
/// <param name="Name">The input, the step, or the item's name.</param>
public sealed record Reference(int Offset, ReferenceRoot Root, string Name, IReadOnlyList<PathSegment> Path) : Expression(Offset)
{
    public override string ToString() =>
        Root switch { ReferenceRoot.Input => "inputs." + Name, ReferenceRoot.Step => $"steps.{Name}.output", _ => Name } + string.Concat(Path);
}

/// <summary>One segment of a path: a field, or an index where <see cref="Field"/> is null.</summary>
public readonly record struct PathSegment(string? Field, int Index)
{
    public override string ToString() => Field is null ? $"[{Index}]" : "." + Field;
}

/// <summary>What is wrong in an expression and where.</summary>
/// <param name="Offset">Character in the scalar, from 0.</param>
public sealed record ExpressionError(int Offset, string Message, IReadOnlyList<string> Allowed);
