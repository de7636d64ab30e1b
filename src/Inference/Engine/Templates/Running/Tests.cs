using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>Jinja's tests: what follows <c>is</c>.</summary>
internal static class Tests
{
    public const string Known = "defined, undefined, none, string, mapping, iterable, sequence, number, integer, float, boolean, true, false, odd, even, divisibleby, "
        + "equalto, eq, ne, lt, le, gt, ge, in, callable";

    /// <summary>Null when no such test is known.</summary>
    public static BuiltIn? Find(string name) => name switch
    {
        "defined" => static call => Value.Of(call.Target is not UndefinedValue),
        "undefined" => static call => Value.Of(call.Target is UndefinedValue),
        "none" => static call => Value.Of(call.Target is NoneValue),
        "string" => static call => Value.Of(call.Target is TextValue),
        "mapping" => static call => Value.Of(call.Target is MapValue { IsNamespace: false }),
        "iterable" or "sequence" => static call => Value.Of(call.Target is TextValue or ListValue or MapValue { IsNamespace: false }),
        "number" => static call => Value.Of(call.Target is NumberValue),
        "integer" => static call => Value.Of(call.Target is IntegerValue),
        "float" => static call => Value.Of(call.Target is FloatValue),
        "boolean" => static call => Value.Of(call.Target is BoolValue),
        "true" => static call => Value.Of(call.Target is BoolValue { IsTrue: true }),
        "false" => static call => Value.Of(call.Target is BoolValue { IsTrue: false }),
        "odd" => static call => Value.Of((Integer(call) & 1) == 1),
        "even" => static call => Value.Of((Integer(call) & 1) == 0),
        "divisibleby" => static call => Value.Of(call.Integer(0, "num") is { } divisor and not 0 && Integer(call) % divisor == 0),
        "equalto" or "eq" or "==" or "sameas" => static call => Value.Of(Value.AreEqual(call.Target, call.Need(0, "other"))),
        "ne" or "!=" => static call => Value.Of(!Value.AreEqual(call.Target, call.Need(0, "other"))),
        "lt" or "lessthan" or "<" => Compared("<"),
        "le" or "<=" => Compared("<="),
        "gt" or "greaterthan" or ">" => Compared(">"),
        "ge" or ">=" => Compared(">="),
        "in" => Compared("in"),
        "callable" => static call => Value.Of(call.Target is MacroValue or ClockValue),
        _ => null,
    };

    private static BuiltIn Compared(string name) => call => Value.Of(Operators.Compare(call.Place, name, call.Target, call.Need(0, "other")));

    private static long Integer(CallFrame call) => call.Target is IntegerValue integer ? integer.Value : throw call.Fault($"a {call.Target.Kind} is no integer.");
}
