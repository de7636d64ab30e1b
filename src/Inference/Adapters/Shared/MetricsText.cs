using System.Buffers.Text;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>Reads gauges out of a server's metrics (Prometheus text format 0.0.4): one sample a line, <c>name{labels} value</c>.</summary>
internal static class MetricsText
{
    /// <summary>The sum over all samples of a name: a server has one for each engine. Null when there is none.</summary>
    public static double? Sum(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name) => Over(text, name).Sum;

    /// <summary>The largest of all samples of a name; null when there is none.</summary>
    public static double? Max(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name) => Over(text, name).Max;

    private static (double? Sum, double? Max) Over(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name)
    {
        double? sum = null, max = null;
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (line.StartsWith(name) && TryValue(line[name.Length..], out var value))
            {
                sum = (sum ?? 0) + value;
                max = Math.Max(max ?? value, value);
            }
        }

        return (sum, max);
    }

    // A label's value may hold blanks and braces: the value stands after the last brace.
    private static bool TryValue(ReadOnlySpan<byte> rest, out double value)
    {
        value = 0;
        if (rest.IsEmpty || rest[0] is not ((byte)'{' or (byte)' '))
        {
            return false;
        }

        var number = rest[(rest.LastIndexOf((byte)'}') + 1)..].TrimStart((byte)' ');
        return Utf8Parser.TryParse(number, out value, out _) && double.IsFinite(value);
    }
}
