using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>Filters that need an order.</summary>
internal static class Sorting
{
    /// <summary>Stable; text without regard to case unless told otherwise, as Jinja sorts.</summary>
    public static Value Sort(CallFrame call)
    {
        var reverse = call.Get(0, "reverse") is { IsTrue: true };
        var minds = call.Get(1, "case_sensitive") is { IsTrue: true };
        var attribute = call.Get(2, "attribute");
        return Ordered(call, Sequences.Of(call.Place, call.Target), item => Key(attribute is null ? item : Lookups.Item(call.Place, item, attribute), minds), reverse);
    }

    /// <summary>A mapping's pairs by key, or by value.</summary>
    public static Value SortMap(CallFrame call)
    {
        var map = call.Target as MapValue ?? throw call.Fault($"dictsort works on a mapping, not on a {call.Target.Kind}.");
        var minds = call.Get(0, "case_sensitive") is { IsTrue: true };
        var byValue = call.Get(1, "by") is TextValue by && by.ToString() == "value";
        var reverse = call.Get(2, "reverse") is { IsTrue: true };
        return Ordered(call, Sequences.ItemsOf(map).Items, pair => Key(((ListValue)pair).Items[byValue ? 1 : 0], minds), reverse);
    }

    public static Value Sum(CallFrame call)
    {
        var attribute = call.Get(0, "attribute");
        Value sum = call.Get(1, "start") ?? new IntegerValue(0);
        foreach (var item in Sequences.Of(call.Place, call.Target))
        {
            sum = Operators.Calculate(call.State, call.Place, "+", sum, attribute is null ? item : Lookups.Item(call.Place, item, attribute));
        }

        return sum;
    }

    /// <summary>The least (-1) or greatest (1) item.</summary>
    public static Value Extreme(CallFrame call, int sign)
    {
        Value? best = null;
        foreach (var item in Sequences.Of(call.Place, call.Target))
        {
            call.State.Step(call.Place);
            best = best is null || Operators.Compare(call.Place, sign < 0 ? "<" : ">", Key(item, false), Key(best, false)) ? item : best;
        }

        return best ?? new UndefinedValue("the least or greatest of nothing");
    }

    private static Value Key(Value value, bool mindsCase) => value is TextValue text && !mindsCase ? text.Map(static one => one.ToLowerInvariant()) : value;

    private static ListValue Ordered(CallFrame call, IReadOnlyList<Value> items, Func<Value, Value> key, bool reverse)
    {
        call.State.Step(call.Place, items.Count * 8);
        var comparer = Comparer<Value>.Create((left, right) => Operators.Compare(call.Place, "<", left, right) ? -1 : Operators.Compare(call.Place, ">", left, right) ? 1 : 0);
        return new ListValue(reverse ? [.. items.OrderByDescending(key, comparer)] : [.. items.OrderBy(key, comparer)]);
    }
}
