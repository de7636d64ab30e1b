using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>Members, items and slices.</summary>
internal static class Lookups
{
    public static Value Member(Place place, Value target, string name) => target switch
    {
        MapValue map => map.Find(name) ?? new UndefinedValue(name),
        UndefinedValue undefined => throw new TemplateFault(place, $"'{undefined.Name}' is undefined, so it has no '{name}'."),
        _ => new UndefinedValue(name),
    };

    public static Value Item(Place place, Value target, Value index) => (target, index) switch
    {
        (MapValue map, TextValue key) => map.Find(key.ToString()) ?? new UndefinedValue(key.ToString()),
        (ListValue list, IntegerValue at) => ItemAt(list, at.Value),
        (TextValue text, IntegerValue at) => CharacterAt(text, at.Value),
        (UndefinedValue undefined, _) => throw new TemplateFault(place, $"'{undefined.Name}' is undefined, so it has no items."),
        _ => new UndefinedValue($"an item of a {target.Kind}"),
    };

    /// <summary>Python's slices: bounds from the end when negative, cut to what is there.</summary>
    public static Value Slice(Place place, Value target, long? from, long? to, long step)
    {
        if (step == 0)
        {
            throw new TemplateFault(place, "a slice's step is not zero.");
        }

        switch (target)
        {
            case ListValue list:
                return new ListValue([.. Indices(list.Items.Count, from, to, step).Select(index => list.Items[index])]);
            case TextValue text when step == 1:
                var length = text.Length;
                var (start, end) = (Bounded(from ?? 0, length, 0, length), Bounded(to ?? length, length, 0, length));
                return text.Cut(text.OffsetOf(start), text.OffsetOf(end));
            default:
                throw new TemplateFault(place, $"a slice with step {step} of a {target.Kind} is not supported.");
        }
    }

    private static Value ItemAt(ListValue list, long at)
    {
        at = at < 0 ? at + list.Items.Count : at;
        return at >= 0 && at < list.Items.Count ? list.Items[(int)at] : new UndefinedValue($"item {at} of a list of {list.Items.Count}");
    }

    private static Value CharacterAt(TextValue text, long at)
    {
        var length = text.Length;
        at = at < 0 ? at + length : at;
        return at >= 0 && at < length
            ? text.Cut(text.OffsetOf((int)at), text.OffsetOf((int)at + 1))
            : new UndefinedValue($"character {at} of a string of {length}");
    }

    private static IEnumerable<int> Indices(int count, long? from, long? to, long step)
    {
        var (low, high) = step > 0 ? (0, count) : (-1, count - 1);
        long index = from is { } given ? Bounded(given, count, low, high) : step > 0 ? 0 : count - 1;
        long end = to is { } last ? Bounded(last, count, low, high) : step > 0 ? count : -1;
        for (; step > 0 ? index < end : index > end; index += step)
        {
            yield return (int)index;
        }
    }

    private static int Bounded(long index, int count, int low, int high) => (int)Math.Clamp(index < 0 ? index + count : index, low, high);
}
