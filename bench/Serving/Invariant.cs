using System.Globalization;

namespace Jesus.Bench.Serving;

/// <summary>Lines that read alike on every machine.</summary>
internal static class Invariant
{
    public static void Write(TextWriter output, FormattableString line) => output.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
