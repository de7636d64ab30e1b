using System.Globalization;
using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>Texts out of values and out of other texts.</summary>
internal static class Texts
{
    /// <summary>The value as Python prints it. Lists and mappings are not printed: their Python form is no format a model was shown on purpose.</summary>
    public static TextValue Of(Place place, Value value) => value switch
    {
        TextValue text => text,
        UndefinedValue => TextValue.Empty,
        NoneValue => TextValue.Of("None", true),
        BoolValue boolean => TextValue.Of(boolean.IsTrue ? "True" : "False", true),
        IntegerValue integer => TextValue.Of(integer.Value.ToString(CultureInfo.InvariantCulture), true),
        FloatValue number => TextValue.Of(number.Text, true),
        _ => throw new TemplateFault(place, $"a {value.Kind} cannot be written as text; use tojson or join."),
    };

    public static TextValue Join(RenderState state, Place place, TextValue separator, IEnumerable<Value> items)
    {
        var output = new TemplateOutput();
        var first = true;
        foreach (var item in items)
        {
            var text = Of(place, item);
            if (!first)
            {
                separator.WriteTo(output);
            }

            text.WriteTo(output);
            first = false;
            state.Copied(place, text.Utf8.Length + separator.Utf8.Length, output.Bytes.Length);
        }

        return TextValue.Of(output);
    }

    public static List<Value> Split(RenderState state, Place place, TextValue text, TextValue? separator, long max)
    {
        if (separator is null)
        {
            return SplitAtSpace(text);
        }

        if (separator.Utf8.IsEmpty)
        {
            throw new TemplateFault(place, "split takes a separator that is not empty.");
        }

        var parts = new List<Value>();
        var start = 0;
        var span = text.Utf8.Span;
        for (var next = span.IndexOf(separator.Utf8.Span); next >= 0 && (max < 0 || parts.Count < max); next = span[start..].IndexOf(separator.Utf8.Span))
        {
            parts.Add(text.Cut(start, start + next));
            start += next + separator.Utf8.Length;
            state.Step(place);
        }

        parts.Add(text.Cut(start, span.Length));
        return parts;
    }

    /// <summary>Python's rsplit with a separator: the rest stays whole at the beginning.</summary>
    public static ListValue SplitFromEnd(RenderState state, Place place, TextValue text, TextValue separator, long max)
    {
        var parts = Split(state, place, text, separator, -1);
        if (max < 0 || parts.Count <= max + 1)
        {
            return new ListValue(parts);
        }

        var kept = parts.Count - (int)max;
        var rest = Join(state, place, separator, parts[..kept]);
        return new ListValue([rest, .. parts[kept..]]);
    }

    public static TextValue Replace(RenderState state, Place place, TextValue text, TextValue old, TextValue replacement) =>
        old.Utf8.IsEmpty ? text : Join(state, place, replacement, Split(state, place, text, old, -1));

    /// <summary>Without the given characters (white space by default) at its ends.</summary>
    public static TextValue Strip(TextValue text, TextValue? characters, bool left, bool right)
    {
        var decoded = text.ToString();
        var set = characters?.ToString().ToCharArray();
        var leftCut = left ? decoded.Length - (set is null ? decoded.TrimStart() : decoded.TrimStart(set)).Length : 0;
        var rest = decoded[leftCut..];
        var rightCut = right ? rest.Length - (set is null ? rest.TrimEnd() : rest.TrimEnd(set)).Length : 0;
        var utf8 = System.Text.Encoding.UTF8;
        return text.Cut(utf8.GetByteCount(decoded.AsSpan(0, leftCut)), text.Utf8.Length - utf8.GetByteCount(decoded.AsSpan(decoded.Length - rightCut)));
    }

    public static bool StartsWith(TextValue text, Value prefix) => prefix is ListValue any
        ? any.Items.Any(item => StartsWith(text, item))
        : prefix is TextValue one && text.Utf8.Span.StartsWith(one.Utf8.Span);

    public static bool EndsWith(TextValue text, Value suffix) => suffix is ListValue any
        ? any.Items.Any(item => EndsWith(text, item))
        : suffix is TextValue one && text.Utf8.Span.EndsWith(one.Utf8.Span);

    /// <summary>Python's capitalize and title, for a whole text or for each of its words.</summary>
    public static string Capitalized(string text, bool eachWord)
    {
        var letters = text.ToLowerInvariant().ToCharArray();
        for (var i = 0; i < letters.Length; i++)
        {
            if (i == 0 || (eachWord && !char.IsLetter(letters[i - 1])))
            {
                letters[i] = char.ToUpperInvariant(letters[i]);
            }
        }

        return new string(letters);
    }

    private static readonly System.Buffers.SearchValues<byte> Space = System.Buffers.SearchValues.Create(" \t\n\r\f\v"u8);

    private static List<Value> SplitAtSpace(TextValue text)
    {
        var parts = new List<Value>();
        var span = text.Utf8.Span;
        for (var start = 0; start < span.Length;)
        {
            var length = span[start..].IndexOfAny(Space);
            var end = length < 0 ? span.Length : start + length;
            if (end > start)
            {
                parts.Add(text.Cut(start, end));
            }

            start = end + 1;
        }

        return parts;
    }
}
