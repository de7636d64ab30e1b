using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>Functions that templates call by name.</summary>
internal static class Functions
{
    public const string Known = "raise_exception, namespace, dict, range, strftime_now";

    public static BuiltIn? Find(string name) => name switch
    {
        "raise_exception" => static call => throw call.Fault($"the template refuses this conversation: {Texts.Of(call.Place, call.Need(0, "message"))}"),
        "namespace" => static call => Members(call, new MapValue(isNamespace: true)),
        "dict" => static call => Members(call, new MapValue()),
        "range" => static call => Range(call),
        _ => null,
    };

    private static MapValue Members(CallFrame call, MapValue map)
    {
        foreach (var argument in call.Arguments)
        {
            map.Set(argument.Name ?? throw call.Fault("members are given by name: namespace(a=1)."), argument.Value.Evaluate(call.State));
        }

        return map;
    }

    private static ListValue Range(CallFrame call)
    {
        var first = call.Integer(0, "start") ?? throw call.Fault("range takes one to three integers.");
        var second = call.Integer(1, "stop");
        var step = call.Integer(2, "step") ?? 1;
        var (start, stop) = second is { } end ? (first, end) : (0, first);
        if (step == 0 || (step > 0 ? stop - start : start - stop) / Math.Abs(step) > TemplateLimits.RangeMax)
        {
            throw call.Fault($"a range has at most {TemplateLimits.RangeMax} numbers and a step that is not zero.");
        }

        var numbers = new List<Value>();
        for (var number = start; step > 0 ? number < stop : number > stop; number += step)
        {
            numbers.Add(new IntegerValue(number));
        }

        return new ListValue(numbers);
    }
}
