using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>What a loop or a filter goes through.</summary>
internal static class Sequences
{
    /// <summary>A list's items, a mapping's keys, a string's characters; nothing for undefined.</summary>
    public static IReadOnlyList<Value> Of(Place place, Value value) => value switch
    {
        ListValue list => list.Items,
        MapValue map => [.. map.Keys.Select(map.KeyText)],
        TextValue text => Characters(text),
        UndefinedValue => [],
        _ => throw new TemplateFault(place, $"a {value.Kind} has no items to go through."),
    };

    public static ListValue ItemsOf(MapValue map) =>
        new([.. map.Keys.Select(key => new ListValue([map.KeyText(key), map.Find(key)!]))]);

    private static List<Value> Characters(TextValue text)
    {
        var characters = new List<Value>();
        var span = text.Utf8.Span;
        var start = 0;
        for (var i = 1; i <= span.Length; i++)
        {
            if (i == span.Length || (span[i] & 0xC0) != 0x80)
            {
                characters.Add(text.Cut(start, i));
                start = i;
            }
        }

        return characters;
    }
}
