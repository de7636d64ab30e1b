using System.Globalization;
using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>Jinja's filters that chat templates use.</summary>
internal static class Filters
{
    public const string Known = "tojson, trim, length, count, join, default, d, upper, lower, title, capitalize, string, safe, list, first, last, int, float, abs, replace, "
        + "items, map, select, reject, selectattr, rejectattr, reverse, unique, indent, sort, dictsort, sum, min, max";

    /// <summary>Null when no such filter is known.</summary>
    public static BuiltIn? Find(string name) => name switch
    {
        "tojson" => JsonText.Write,
        "trim" => static call => Texts.Strip(Texts.Of(call.Place, call.Target), call.Get(0, "chars") as TextValue, true, true),
        "length" or "count" => Length,
        "join" => Join,
        "default" or "d" => Default,
        "upper" or "lower" or "title" or "capitalize" => call => Methods.Find(name)!(call with { Target = Texts.Of(call.Place, call.Target) }),
        "string" or "safe" => static call => Texts.Of(call.Place, call.Target),
        "list" => static call => new ListValue(Sequences.Of(call.Place, call.Target)),
        "first" => static call => Sequences.Of(call.Place, call.Target) is [var first, ..] ? first : new UndefinedValue("the first of nothing"),
        "last" => static call => Sequences.Of(call.Place, call.Target) is [.., var last] ? last : new UndefinedValue("the last of nothing"),
        "int" => Integer,
        "float" => Float,
        "abs" => static call => call.Target is IntegerValue integer ? new IntegerValue(Math.Abs(integer.Value)) : new FloatValue(Math.Abs(Number(call))),
        "replace" => static call => Texts.Replace(call.State, call.Place, Texts.Of(call.Place, call.Target), call.NeedText(0, "old"), call.NeedText(1, "new")),
        "items" => static call => call.Target is MapValue map ? Sequences.ItemsOf(map) : new ListValue([]),
        "map" => ListFilters.Map,
        "select" => static call => ListFilters.Select(call, false, true),
        "reject" => static call => ListFilters.Select(call, false, false),
        "selectattr" => static call => ListFilters.Select(call, true, true),
        "rejectattr" => static call => ListFilters.Select(call, true, false),
        "reverse" => static call => new ListValue([.. Sequences.Of(call.Place, call.Target).Reverse()]),
        "unique" => ListFilters.Unique,
        "indent" => Indent,
        "sort" => Sorting.Sort,
        "dictsort" => Sorting.SortMap,
        "sum" => Sorting.Sum,
        "min" => static call => Sorting.Extreme(call, -1),
        "max" => static call => Sorting.Extreme(call, 1),
        _ => null,
    };

    private static IntegerValue Length(CallFrame call) => new(call.Target switch
    {
        TextValue text => text.Length,
        ListValue list => list.Items.Count,
        MapValue map => map.Count,
        UndefinedValue => 0,
        _ => throw call.Fault($"a {call.Target.Kind} has no length."),
    });

    private static TextValue Join(CallFrame call)
    {
        var separator = call.Get(0, "d") is { } given ? Texts.Of(call.Place, given) : TextValue.Empty;
        var items = Sequences.Of(call.Place, call.Target);
        var attribute = call.Get(1, "attribute");
        return Texts.Join(call.State, call.Place, separator, attribute is null ? items : items.Select(item => Lookups.Item(call.Place, item, attribute)));
    }

    private static Value Default(CallFrame call)
    {
        var alsoFalse = call.Get(1, "boolean") is { IsTrue: true };
        return call.Target is UndefinedValue || (alsoFalse && !call.Target.IsTrue) ? call.Get(0, "default_value") ?? TextValue.Empty : call.Target;
    }

    private static Value Integer(CallFrame call) => call.Target switch
    {
        IntegerValue integer => integer,
        NumberValue number => new IntegerValue((long)number.AsDouble),
        TextValue text when long.TryParse(text.ToString().Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) => new IntegerValue(value),
        _ => call.Get(0, "default") ?? new IntegerValue(0),
    };

    private static Value Float(CallFrame call) => call.Target switch
    {
        NumberValue number => new FloatValue(number.AsDouble),
        TextValue text when double.TryParse(text.ToString().Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) => new FloatValue(value),
        _ => call.Get(0, "default") ?? new FloatValue(0),
    };

    private static double Number(CallFrame call) => call.Target is NumberValue number ? number.AsDouble : throw call.Fault($"a {call.Target.Kind} is no number.");

    /// <summary>Every line but the first (and empty ones) moved to the right.</summary>
    private static TextValue Indent(CallFrame call)
    {
        var space = TextValue.Of(new string(' ', (int)Math.Clamp(call.Integer(0, "width") ?? 4, 0, 100)), true);
        var firstToo = call.Get(1, "first") is { IsTrue: true };
        var blankToo = call.Get(2, "blank") is { IsTrue: true };
        var lines = Texts.Split(call.State, call.Place, Texts.Of(call.Place, call.Target), TextValue.Of("\n", true), -1);
        for (var i = firstToo ? 0 : 1; i < lines.Count; i++)
        {
            lines[i] = lines[i].IsTrue || blankToo ? Texts.Join(call.State, call.Place, TextValue.Empty, [space, lines[i]]) : lines[i];
        }

        return Texts.Join(call.State, call.Place, TextValue.Of("\n", true), lines);
    }
}
