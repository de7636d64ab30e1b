using System.Globalization;
using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>A part of a template that yields a value.</summary>
internal abstract class Expression
{
    protected Expression(Place place) => Place = place;

    public Place Place { get; }

    public Value Evaluate(RenderState state)
    {
        var value = Compute(state);
        state.Step(Place, SizeOf(value));
        return value;
    }

    /// <summary>Whatever is done with a value takes time by its size, so it is counted once for each mention.</summary>
    private static int SizeOf(Value value) => value switch
    {
        TextValue text => text.Utf8.Length / 256,
        ListValue list => list.Items.Count / 16,
        _ => 0,
    };

    protected abstract Value Compute(RenderState state);
}

internal sealed class LiteralExpression(Place place, Value value) : Expression(place)
{
    public Value Value => value;

    protected override Value Compute(RenderState state) => value;
}

internal sealed class NameExpression(Place place, string name) : Expression(place)
{
    public string Name => name;

    protected override Value Compute(RenderState state) => state.Scope.Find(name) ?? new UndefinedValue(name);
}

internal sealed class ListExpression(Place place, List<Expression> items) : Expression(place)
{
    protected override Value Compute(RenderState state) => new ListValue(items.ConvertAll(item => item.Evaluate(state)));
}

internal sealed class MapExpression(Place place, List<(Expression Key, Expression Value)> entries) : Expression(place)
{
    protected override Value Compute(RenderState state)
    {
        var map = new MapValue();
        foreach (var (key, value) in entries)
        {
            map.Set(Texts.Of(key.Place, key.Evaluate(state)).ToString(), value.Evaluate(state));
        }

        return map;
    }
}

internal sealed class ConditionalExpression(Place place, Expression condition, Expression then, Expression? otherwise) : Expression(place)
{
    protected override Value Compute(RenderState state) =>
        condition.Evaluate(state).IsTrue ? then.Evaluate(state) : otherwise?.Evaluate(state) ?? new UndefinedValue("the missing else of an inline if");
}

/// <summary>Python's and, or: the deciding operand itself.</summary>
internal sealed class LogicExpression(Place place, bool isAnd, Expression left, Expression right) : Expression(place)
{
    protected override Value Compute(RenderState state)
    {
        var first = left.Evaluate(state);
        return first.IsTrue == isAnd ? right.Evaluate(state) : first;
    }
}

internal sealed class NotExpression(Place place, Expression operand) : Expression(place)
{
    protected override Value Compute(RenderState state) => Value.Of(!operand.Evaluate(state).IsTrue);
}

/// <summary>A chain such as <c>a &lt; b &lt;= c</c>: every neighbouring pair must hold.</summary>
internal sealed class ComparisonExpression(Place place, Expression first, List<(string Operator, Expression Operand)> rest) : Expression(place)
{
    protected override Value Compute(RenderState state)
    {
        var left = first.Evaluate(state);
        foreach (var (name, operand) in rest)
        {
            var right = operand.Evaluate(state);
            if (!Operators.Compare(Place, name, left, right))
            {
                return Value.False;
            }

            left = right;
        }

        return Value.True;
    }
}

internal sealed class ArithmeticExpression(Place place, string name, Expression left, Expression right) : Expression(place)
{
    protected override Value Compute(RenderState state) => Operators.Calculate(state, Place, name, left.Evaluate(state), right.Evaluate(state));
}

internal sealed class MemberExpression(Place place, Expression target, string name) : Expression(place)
{
    public Expression Target => target;
    public string Name => name;

    protected override Value Compute(RenderState state) => Lookups.Member(Place, target.Evaluate(state), name);
}

internal sealed class IndexExpression(Place place, Expression target, Expression index) : Expression(place)
{
    protected override Value Compute(RenderState state) => Lookups.Item(Place, target.Evaluate(state), index.Evaluate(state));
}

internal sealed class SliceExpression(Place place, Expression target, Expression? from, Expression? to, Expression? step) : Expression(place)
{
    protected override Value Compute(RenderState state) =>
        Lookups.Slice(Place, target.Evaluate(state), Bound(state, from), Bound(state, to), Bound(state, step) ?? 1);

    private long? Bound(RenderState state, Expression? bound) => bound?.Evaluate(state) switch
    {
        null or NoneValue => null,
        IntegerValue integer => integer.Value,
        var other => throw new TemplateFault(Place, $"a slice is bounded by integers, not by a {other.Kind}."),
    };
}

/// <summary>A filter, a test or a method: a function of a value, found by name when the template is compiled.</summary>
internal sealed class AppliedExpression(Place place, Expression target, BuiltIn function, List<Argument> arguments) : Expression(place)
{
    protected override Value Compute(RenderState state) => function(new CallFrame(state, Place, target.Evaluate(state), arguments));
}

/// <summary>A call by name: a function of the language, or a macro of the template.</summary>
internal sealed class CallExpression(Place place, string name, List<Argument> arguments) : Expression(place)
{
    protected override Value Compute(RenderState state)
    {
        if (state.Scope.Find(name) is MacroValue macro)
        {
            return macro.Call(state, Place, arguments);
        }

        if (state.Scope.Find(name) is ClockValue clock)
        {
            return clock.Format(new CallFrame(state, Place, Value.None, arguments));
        }

        return Functions.Find(name) is { } function
            ? function(new CallFrame(state, Place, Value.None, arguments))
            : throw new TemplateFault(Place, $"'{name}' is no function here; a prompt depends on its conversation only. Known are {Functions.Known} and the template's macros.");
    }
}

/// <summary>An argument of a call; the name is null for one given by its place.</summary>
internal readonly record struct Argument(string? Name, Expression Value);

/// <summary>What a built-in is given.</summary>
internal readonly record struct CallFrame(RenderState State, Place Place, Value Target, List<Argument> Arguments)
{
    /// <summary>The argument at a place or of a name; null when it is not given.</summary>
    public Value? Get(int index, string name)
    {
        var at = 0;
        foreach (var argument in Arguments)
        {
            if (argument.Name == name || (argument.Name is null && at++ == index))
            {
                return argument.Value.Evaluate(State);
            }
        }

        return null;
    }

    public Value Need(int index, string name) => Get(index, name) ?? throw Fault($"the argument '{name}' is missing.");

    public TextValue Text => Target as TextValue ?? throw Fault($"this works on a string, not on a {Target.Kind}.");

    public TextValue NeedText(int index, string name) => Need(index, name) as TextValue ?? throw Fault($"the argument '{name}' must be a string.");

    public long? Integer(int index, string name) => Get(index, name) switch
    {
        null or NoneValue => null,
        IntegerValue integer => integer.Value,
        BoolValue boolean => boolean.IsTrue ? 1 : 0,
        var other => throw Fault($"the argument '{name}' must be an integer, not a {other.Kind}."),
    };

    public TemplateFault Fault(string message) => new(Place, message);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"call at {Place.Line}:{Place.Column}");
}

internal delegate Value BuiltIn(CallFrame call);
