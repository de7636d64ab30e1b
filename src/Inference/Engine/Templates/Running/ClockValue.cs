using System.Globalization;
using System.Text;
using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary><c>strftime_now</c>: the time that the rendering was given, in Python's format. The renderer itself reads no clock.</summary>
internal sealed class ClockValue(DateTimeOffset now) : Value
{
    private const string Known = "%a %A %b %B %d %e %-d %m %-m %y %Y %H %-H %I %-I %M %S %p %j %Z %z %F %T %%";

    public override bool IsTrue => true;
    public override string Kind => "function";

    public TextValue Format(CallFrame call)
    {
        var format = call.NeedText(0, "format").ToString();
        var text = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }

            var length = i + 1 < format.Length && format[i + 1] == '-' ? 2 : 1;
            var directive = i + length < format.Length ? format.Substring(i + 1, length) : "";
            text.Append(Written(directive) ?? throw call.Fault($"the time format '%{directive}' is not supported; known are {Known}."));
            i += length;
        }

        // The format is the template's own; where it is made of the request's text, so is what comes out.
        return TextValue.Of(text.ToString(), call.NeedText(0, "format").IsTrusted);
    }

    private string? Written(string directive) => directive switch
    {
        "%" => "%",
        "e" => now.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
        "-d" => now.Day.ToString(CultureInfo.InvariantCulture),
        "-m" => now.Month.ToString(CultureInfo.InvariantCulture),
        "-H" => now.Hour.ToString(CultureInfo.InvariantCulture),
        "-I" => (((now.Hour + 11) % 12) + 1).ToString(CultureInfo.InvariantCulture),
        "j" => now.DayOfYear.ToString("D3", CultureInfo.InvariantCulture),
        "Z" => "UTC",
        "z" => "+0000",
        _ => NetFormat(directive) is { } format ? now.ToUniversalTime().ToString(format, CultureInfo.InvariantCulture) : null,
    };

    private static string? NetFormat(string directive) => directive switch
    {
        "a" => "ddd",
        "A" => "dddd",
        "b" => "MMM",
        "B" => "MMMM",
        "d" => "dd",
        "m" => "MM",
        "y" => "yy",
        "Y" => "yyyy",
        "H" => "HH",
        "I" => "hh",
        "M" => "mm",
        "S" => "ss",
        "p" => "tt",
        "F" => "yyyy-MM-dd",
        "T" => "HH:mm:ss",
        _ => null,
    };
}
