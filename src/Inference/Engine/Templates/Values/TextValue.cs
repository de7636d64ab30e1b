using System.Text;

namespace Jesus.Inference.Engine.Templates.Values;

/// <summary>
/// UTF-8 text that remembers which of its bytes stand in the template (trusted) and which come from the request. Every operation on text keeps the marks,
/// so that a request cannot forge a control token, however a template cuts and joins it.
/// </summary>
internal sealed class TextValue : Value
{
    private static readonly TextValue EmptyText = new(default, []);
    private readonly TextRun[] _runs;

    private TextValue(ReadOnlyMemory<byte> utf8, TextRun[] runs) => (Utf8, _runs) = (utf8, runs);

    public static TextValue Empty => EmptyText;
    public ReadOnlyMemory<byte> Utf8 { get; }
    public override bool IsTrue => Utf8.Length > 0;
    public override string Kind => "string";

    /// <summary>Every byte stands in the template.</summary>
    public bool IsTrusted => _runs.All(run => run.Trusted);

    /// <summary>Characters (code points), as Python counts them.</summary>
    public int Length => CountCharacters(Utf8.Span);

    public static TextValue Of(ReadOnlyMemory<byte> utf8, bool trusted) => utf8.IsEmpty ? Empty : new(utf8, [new TextRun(0, utf8.Length, trusted)]);

    public static TextValue Of(string text, bool trusted) => Of(Encoding.UTF8.GetBytes(text), trusted);

    public static TextValue Of(TemplateOutput output) => new(output.Bytes.ToArray(), [.. output.Runs]);

    public override string ToString() => Encoding.UTF8.GetString(Utf8.Span);

    public void WriteTo(TemplateOutput output)
    {
        foreach (var run in _runs)
        {
            output.Write(Utf8.Span.Slice(run.Start, run.Length), run.Trusted);
        }
    }

    /// <summary>Bytes <paramref name="start"/> to <paramref name="end"/>.</summary>
    public TextValue Cut(int start, int end)
    {
        if (start >= end)
        {
            return Empty;
        }

        var runs = new List<TextRun>();
        foreach (var run in _runs)
        {
            var from = Math.Max(run.Start, start);
            var to = Math.Min(run.Start + run.Length, end);
            if (from < to)
            {
                runs.Add(new TextRun(from - start, to - from, run.Trusted));
            }
        }

        return new TextValue(Utf8[start..end], [.. runs]);
    }

    /// <summary>The byte at which a character begins; the end for one past the last.</summary>
    public int OffsetOf(int character)
    {
        var span = Utf8.Span;
        var at = 0;
        for (; character > 0 && at < span.Length; character--)
        {
            at++;
            while (at < span.Length && (span[at] & 0xC0) == 0x80)
            {
                at++;
            }
        }

        return at;
    }

    /// <summary>Bytes changed one for one (upper or lower case of ASCII); beyond ASCII a converted text is trusted only if all of it was.</summary>
    public TextValue Map(Func<string, string> convert)
    {
        var converted = Encoding.UTF8.GetBytes(convert(ToString()));
        return Ascii.IsValid(Utf8.Span) && converted.Length == Utf8.Length
            ? new TextValue(converted, _runs)
            : Of(converted, IsTrusted);
    }

    private static int CountCharacters(ReadOnlySpan<byte> utf8)
    {
        var count = 0;
        foreach (var value in utf8)
        {
            count += (value & 0xC0) != 0x80 ? 1 : 0;
        }

        return count;
    }
}
