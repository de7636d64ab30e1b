using System.Globalization;
using System.Text;

namespace Jesus.Appliance.Cli;

/// <summary>Where a verb writes. Colour, tables and redrawing only on a terminal (and no colour under NO_COLOR, https://no-color.org).</summary>
internal sealed class Screen
{
    private readonly bool _colour;

    public Screen(TextWriter output, TextWriter error, bool isTerminal, int width, bool colour)
    {
        (Out, Error, IsTerminal, Width, _colour) = (output, error, isTerminal, width, colour && isTerminal);
    }

    public TextWriter Out { get; }
    public TextWriter Error { get; }

    /// <summary>Stdout is a terminal that understands cursor movement.</summary>
    public bool IsTerminal { get; }
    public int Width { get; }

    public static Screen OfConsole()
    {
        var dumb = Environment.GetEnvironmentVariable("TERM") is null or "" or "dumb";
        var terminal = !Console.IsOutputRedirected && !dumb;
        var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false), 1024) { AutoFlush = true };
        var error = new StreamWriter(Console.OpenStandardError(), new UTF8Encoding(false), 1024) { AutoFlush = true };
        return new Screen(output, error, terminal, terminal ? WidthOfConsole() : 120, string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")));
    }

    public void Line(string text = "") => Out.WriteLine(text);

    public void Complain(string text) => Error.WriteLine("jesus: " + Safe(text));

    public string Dim(string text) => Paint(text, "2");

    public string Bold(string text) => Paint(text, "1");

    public string Green(string text) => Paint(text, "32");

    public string Red(string text) => Paint(text, "31");

    public string Yellow(string text) => Paint(text, "33");

    public string Cyan(string text) => Paint(text, "36");

    /// <summary>Columns as wide as their longest cell; the first row is the heading.</summary>
    public void Table(IReadOnlyList<string[]> rows)
    {
        var widths = new int[rows[0].Length];
        foreach (var row in rows)
        {
            for (var i = 0; i < row.Length; i++)
            {
                widths[i] = Math.Max(widths[i], row[i].Length);
            }
        }

        for (var r = 0; r < rows.Count; r++)
        {
            var line = new StringBuilder();
            for (var i = 0; i < rows[r].Length; i++)
            {
                line.Append(i == rows[r].Length - 1 ? Safe(rows[r][i]) : Safe(rows[r][i]).PadRight(widths[i] + 2));
            }

            Line(r == 0 ? Bold(line.ToString()) : line.ToString());
        }
    }

    /// <summary>Text from elsewhere cannot steer the terminal: control characters other than line breaks and tabs are shown as <c>?</c>.</summary>
    public static string Safe(string text) =>
        text.AsSpan().ContainsAnyInRange('\0', '\u001f') || text.AsSpan().ContainsAnyInRange('\u007f', '\u009f')
            ? string.Create(text.Length, text, (span, source) =>
            {
                for (var i = 0; i < span.Length; i++)
                {
                    span[i] = char.IsControl(source[i]) && source[i] is not ('\n' or '\t') ? '?' : source[i];
                }
            })
            : text;

    public static string Seconds(double seconds) => seconds switch
    {
        < 10 => seconds.ToString("0.00", CultureInfo.InvariantCulture) + "s",
        < 120 => seconds.ToString("0.0", CultureInfo.InvariantCulture) + "s",
        < 7200 => (seconds / 60).ToString("0.0", CultureInfo.InvariantCulture) + "m",
        _ => (seconds / 3600).ToString("0.0", CultureInfo.InvariantCulture) + "h",
    };

    public static string Bytes(long bytes) => bytes switch
    {
        < 1024 => bytes.ToString(CultureInfo.InvariantCulture) + " B",
        < 1024 * 1024 => (bytes / 1024.0).ToString("0.0", CultureInfo.InvariantCulture) + " KB",
        < 1024L * 1024 * 1024 => (bytes / 1048576.0).ToString("0.0", CultureInfo.InvariantCulture) + " MB",
        _ => (bytes / 1073741824.0).ToString("0.0", CultureInfo.InvariantCulture) + " GB",
    };

    public static string Usd(long microUsd) => (microUsd / 1_000_000m).ToString("0.######", CultureInfo.InvariantCulture) + " USD";

    private string Paint(string text, string code) => _colour && text.Length > 0 ? $"\u001b[{code}m{text}\u001b[0m" : text;

    private static int WidthOfConsole()
    {
        try
        {
            return Math.Clamp(Console.WindowWidth, 40, 400);
        }
        catch (IOException)
        {
            return 100;
        }
    }
}
