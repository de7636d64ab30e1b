using System.Globalization;

namespace Jesus.Bench.Engine;

/// <summary>Lines that read alike on every machine.</summary>
internal static class Invariant
{
    public static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    public static void Write(TextWriter output, FormattableString line) => output.WriteLine(Text(line));
}
