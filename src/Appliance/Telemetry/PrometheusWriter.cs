using System.Buffers;
using System.Globalization;
using System.Text;

namespace Jesus.Appliance.Telemetry;

/// <summary>Lines of Prometheus text format 0.0.4, or of OpenMetrics 1.0 where it differs: a counter's family lacks <c>_total</c>, and the text ends with <c># EOF</c>.</summary>
internal sealed class PrometheusWriter(IBufferWriter<byte> output, bool openMetrics)
{
    private readonly StringBuilder _line = new(256);

    /// <param name="name">With prefix; a counter's ends in <c>_total</c>.</param>
    /// <param name="type"><c>counter</c>, <c>gauge</c> or <c>histogram</c>.</param>
    /// <param name="help">One sentence.</param>
    public void Family(string name, string type, string help)
    {
        var family = openMetrics && type == "counter" && name.EndsWith("_total", StringComparison.Ordinal) ? name[..^"_total".Length] : name;
        _line.Append("# HELP ").Append(family).Append(' ');
        Escape(help, quotes: false);
        _line.Append("\n# TYPE ").Append(family).Append(' ').Append(type).Append('\n');
        Flush();
    }

    public Sample Sample(string name) => new(this, name);

    public void End()
    {
        if (openMetrics)
        {
            _line.Append("# EOF\n");
            Flush();
        }
    }

    internal StringBuilder Line => _line;

    internal void Escape(string text, bool quotes)
    {
        foreach (var c in text)
        {
            _ = c switch
            {
                '\\' => _line.Append("\\\\"),
                '\n' => _line.Append("\\n"),
                '"' when quotes => _line.Append("\\\""),
                _ => _line.Append(c),
            };
        }
    }

    internal void Flush()
    {
        foreach (var chunk in _line.GetChunks())
        {
            _ = Encoding.UTF8.GetBytes(chunk.Span, output);
        }

        _line.Clear();
    }
}

/// <summary>One line: a name, labels, a value.</summary>
internal ref struct Sample
{
    private readonly PrometheusWriter _writer;
    private bool _hasLabel;

    public Sample(PrometheusWriter writer, string name)
    {
        _writer = writer;
        _writer.Line.Append(name);
    }

    public Sample Label(string name, string value)
    {
        _writer.Line.Append(_hasLabel ? ',' : '{').Append(name).Append("=\"");
        _writer.Escape(value, quotes: true);
        _writer.Line.Append('"');
        _hasLabel = true;
        return this;
    }

    public readonly void Value(double value)
    {
        var line = _writer.Line;
        line.Append(_hasLabel ? "} " : " ");
        _ = double.IsPositiveInfinity(value) ? line.Append("+Inf")
            : double.IsNegativeInfinity(value) ? line.Append("-Inf")
            : line.Append(value.ToString("R", CultureInfo.InvariantCulture));
        line.Append('\n');
        _writer.Flush();
    }
}
