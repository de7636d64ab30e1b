using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>Comparison and arithmetic with Python's meaning.</summary>
internal static class Operators
{
    public static bool Compare(Place place, string name, Value left, Value right) => name switch
    {
        "==" => Value.AreEqual(left, right),
        "!=" => !Value.AreEqual(left, right),
        "in" => Contains(place, right, left),
        "not in" => !Contains(place, right, left),
        "<" => Order(place, left, right) < 0,
        "<=" => Order(place, left, right) <= 0,
        ">" => Order(place, left, right) > 0,
        _ => Order(place, left, right) >= 0,
    };

    public static bool Contains(Place place, Value container, Value item) => (container, item) switch
    {
        (TextValue text, TextValue part) => text.Utf8.Span.IndexOf(part.Utf8.Span) >= 0,
        (ListValue list, _) => list.Items.Any(one => Value.AreEqual(one, item)),
        (MapValue map, TextValue key) => map.Find(key.ToString()) is not null,
        (MapValue or UndefinedValue, _) => false,
        _ => throw new TemplateFault(place, $"'in' looks into strings, lists and mappings, not into a {container.Kind} for a {item.Kind}."),
    };

    public static Value Calculate(RenderState state, Place place, string name, Value left, Value right) => (name, left, right) switch
    {
        ("~", _, _) => Texts.Join(state, place, TextValue.Empty, [Texts.Of(place, left), Texts.Of(place, right)]),
        ("+", TextValue, TextValue) => Texts.Join(state, place, TextValue.Empty, [left, right]),
        ("+", ListValue one, ListValue other) => new ListValue([.. one.Items, .. other.Items]),
        ("*", TextValue text, IntegerValue count) => Repeat(state, place, text, count.Value),
        (_, FloatValue, NumberValue) or (_, NumberValue, FloatValue) or ("/", NumberValue, NumberValue) => Floats(place, name, AsDouble(left), AsDouble(right)),
        (_, NumberValue, NumberValue) => Integers(place, name, AsLong(left), AsLong(right)),
        _ => throw new TemplateFault(place, $"'{name}' does not work on a {left.Kind} and a {right.Kind}."),
    };

    private static int Order(Place place, Value left, Value right) => (left, right) switch
    {
        (IntegerValue one, IntegerValue other) => one.Value.CompareTo(other.Value),
        (NumberValue one, NumberValue other) => one.AsDouble.CompareTo(other.AsDouble),
        (TextValue one, TextValue other) => one.Utf8.Span.SequenceCompareTo(other.Utf8.Span),
        _ => throw new TemplateFault(place, $"a {left.Kind} and a {right.Kind} have no order."),
    };

    private static double AsDouble(Value value) => ((NumberValue)value).AsDouble;

    private static long AsLong(Value value) => value is IntegerValue integer ? integer.Value : value.IsTrue ? 1 : 0;

    private static TextValue Repeat(RenderState state, Place place, TextValue text, long count)
    {
        if (count <= 0 || text.Utf8.IsEmpty)
        {
            return TextValue.Empty;
        }

        if (count > TemplateLimits.TextBytesMax / text.Utf8.Length)
        {
            throw new TemplateFault(place, $"the text grows past {TemplateLimits.TextBytesMax} bytes.");
        }

        return Texts.Join(state, place, TextValue.Empty, Enumerable.Repeat<Value>(text, (int)count));
    }

    private static IntegerValue Integers(Place place, string name, long left, long right)
    {
        if (name is "//" or "%" && right == 0)
        {
            throw new TemplateFault(place, "division by zero.");
        }

        return new IntegerValue(name switch
        {
            "+" => left + right,
            "-" => left - right,
            "*" => left * right,
            "//" => FloorDivide(left, right),
            "%" => left - (FloorDivide(left, right) * right),
            _ => throw new TemplateFault(place, $"the operator '{name}' is not supported."),
        });
    }

    private static long FloorDivide(long left, long right) => right == -1 ? unchecked(-left) : (left / right) - (left % right != 0 && (left < 0) != (right < 0) ? 1 : 0);

    private static FloatValue Floats(Place place, string name, double left, double right)
    {
        if (name is "/" or "//" or "%" && right == 0)
        {
            throw new TemplateFault(place, "division by zero.");
        }

        return new FloatValue(name switch
        {
            "+" => left + right,
            "-" => left - right,
            "*" => left * right,
            "/" => left / right,
            "//" => Math.Floor(left / right),
            "%" => left - (Math.Floor(left / right) * right),
            _ => throw new TemplateFault(place, $"the operator '{name}' is not supported."),
        });
    }
}
