namespace Jesus.Appliance.Tools;

/// <summary>Lines of a text, without their ends (<c>\n</c> or <c>\r\n</c>). An end at the end of the text begins no further line.</summary>
internal static class TextLines
{
    public static IEnumerable<string> Of(string text)
    {
        for (var start = 0; start < text.Length;)
        {
            var end = text.IndexOf('\n', start);
            var stop = end < 0 ? text.Length : end;
            yield return text[start..(stop > start && text[stop - 1] == '\r' ? stop - 1 : stop)];
            start = stop + 1;
        }
    }

    public static int Count(string text) => text.AsSpan().Count('\n') + (text.Length > 0 && text[^1] != '\n' ? 1 : 0);
}
