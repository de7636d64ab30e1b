using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>Python's methods of strings and mappings that chat templates use.</summary>
internal static class Methods
{
    public const string Known = "startswith, endswith, strip, lstrip, rstrip, split, splitlines, replace, upper, lower, title, capitalize, find, join, removeprefix, "
        + "removesuffix, rsplit, count, isdigit, items, keys, values, get";

    /// <summary>Null when no such method is known.</summary>
    public static BuiltIn? Find(string name) => name switch
    {
        "startswith" => static call => Value.Of(Texts.StartsWith(call.Text, call.Need(0, "prefix"))),
        "endswith" => static call => Value.Of(Texts.EndsWith(call.Text, call.Need(0, "suffix"))),
        "strip" => static call => Texts.Strip(call.Text, call.Get(0, "chars") as TextValue, true, true),
        "lstrip" => static call => Texts.Strip(call.Text, call.Get(0, "chars") as TextValue, true, false),
        "rstrip" => static call => Texts.Strip(call.Text, call.Get(0, "chars") as TextValue, false, true),
        "split" => static call => new ListValue(Texts.Split(call.State, call.Place, call.Text, call.Get(0, "sep") as TextValue, call.Integer(1, "maxsplit") ?? -1)),
        "splitlines" => Lines,
        "replace" => static call => Texts.Replace(call.State, call.Place, call.Text, call.NeedText(0, "old"), call.NeedText(1, "new")),
        "upper" => static call => call.Text.Map(static text => text.ToUpperInvariant()),
        "lower" => static call => call.Text.Map(static text => text.ToLowerInvariant()),
        "title" => static call => call.Text.Map(static text => Texts.Capitalized(text, true)),
        "capitalize" => static call => call.Text.Map(static text => Texts.Capitalized(text, false)),
        "find" => static call => FindText(call.Text, call.NeedText(0, "sub")),
        "join" => static call => Texts.Join(call.State, call.Place, call.Text, Sequences.Of(call.Place, call.Need(0, "items"))),
        "removeprefix" => static call => RemovePrefix(call.Text, call.NeedText(0, "prefix")),
        "removesuffix" => static call => RemoveSuffix(call.Text, call.NeedText(0, "suffix")),
        "rsplit" => static call => Texts.SplitFromEnd(call.State, call.Place, call.Text, call.NeedText(0, "sep"), call.Integer(1, "maxsplit") ?? -1),
        "count" => static call => new IntegerValue(Texts.Split(call.State, call.Place, call.Text, call.NeedText(0, "sub"), -1).Count - 1),
        "isdigit" => static call => Value.Of(call.Text.IsTrue && call.Text.ToString().All(char.IsDigit)),
        "items" => static call => Sequences.ItemsOf(Map(call)),
        "keys" => static call => new ListValue(Sequences.Of(call.Place, Map(call))),
        "values" => static call => new ListValue([.. Map(call).Keys.Select(key => Map(call).Find(key)!)]),
        "get" => static call => Map(call).Find(call.NeedText(0, "key").ToString()) ?? call.Get(1, "default") ?? Value.None,
        _ => null,
    };

    private static MapValue Map(CallFrame call) => call.Target as MapValue ?? throw call.Fault($"this works on a mapping, not on a {call.Target.Kind}.");

    private static IntegerValue FindText(TextValue text, TextValue part)
    {
        var at = text.Utf8.Span.IndexOf(part.Utf8.Span);
        return new IntegerValue(at < 0 ? -1 : text.Cut(0, at).Length);
    }

    private static TextValue RemovePrefix(TextValue text, TextValue prefix) =>
        Texts.StartsWith(text, prefix) ? text.Cut(prefix.Utf8.Length, text.Utf8.Length) : text;

    private static TextValue RemoveSuffix(TextValue text, TextValue suffix) =>
        Texts.EndsWith(text, suffix) ? text.Cut(0, text.Utf8.Length - suffix.Utf8.Length) : text;

    private static ListValue Lines(CallFrame call)
    {
        var lines = Texts.Split(call.State, call.Place, call.Text, TextValue.Of("\n", true), -1);
        if (!lines[^1].IsTrue)
        {
            lines.RemoveAt(lines.Count - 1);
        }

        return new ListValue(lines);
    }
}
