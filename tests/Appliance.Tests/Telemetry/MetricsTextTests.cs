using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;
using Jesus.Appliance.Telemetry;

namespace Jesus.Appliance.Tests.Telemetry;

public sealed partial class MetricsTextTests
{
    [Fact]
    public void Every_line_of_the_text_is_a_comment_or_a_sample_and_each_family_has_help_and_type()
    {
        using var metrics = new MetricsText(TimeProvider.System, "1.2.3");
        Touch();
        var lines = Write(metrics, openMetrics: false).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.All(lines.Where(l => l[0] != '#'), l => Assert.Matches(SampleLine(), l));
        Assert.Contains("# TYPE jesus_test_things_total counter", lines);
        Assert.Contains("# HELP jesus_test_things_total Things that the test counts.", lines);
        Assert.Contains(lines, l => l.StartsWith("jesus_test_things_total{kind=\"a\\\"b\"} ", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("process_resident_memory_bytes ", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("dotnet_gc_collections_total{generation=\"0\"} ", StringComparison.Ordinal));
        Assert.Contains("jesus_build_info{version=\"1.2.3\"} 1", lines);
        Assert.DoesNotContain("# EOF", lines);
    }

    [Fact]
    public void A_histogram_has_cumulative_buckets_that_end_in_infinity_with_the_count()
    {
        using var metrics = new MetricsText(TimeProvider.System, "1.2.3");
        Touch();
        var text = Write(metrics, openMetrics: false);
        var buckets = text.Split('\n').Where(l => l.StartsWith("jesus_test_seconds_bucket{", StringComparison.Ordinal))
            .Select(l => long.Parse(l[(l.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(buckets.Order(), buckets);
        Assert.Contains($"jesus_test_seconds_bucket{{le=\"+Inf\"}} {buckets[^1]}", text, StringComparison.Ordinal);
        Assert.Contains($"jesus_test_seconds_count {buckets[^1]}", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_metrics_names_counters_without_their_suffix_and_ends_with_eof()
    {
        using var metrics = new MetricsText(TimeProvider.System, "1.2.3");
        Touch();
        var text = Write(metrics, openMetrics: true);
        Assert.Contains("# TYPE jesus_test_things counter\n", text, StringComparison.Ordinal);
        Assert.Contains("\njesus_test_things_total{", text, StringComparison.Ordinal);
        Assert.EndsWith("# EOF\n", text, StringComparison.Ordinal);
    }

    private static void Touch()
    {
        Things.Add(1, new KeyValuePair<string, object?>("kind", "a\"b"));
        Seconds.Record(0.3);
        Seconds.Record(1e9);
    }

    private static readonly System.Diagnostics.Metrics.Counter<long> Things = JesusMeter.Instance.CreateCounter<long>("test_things_total",
        description: "Things that the test counts.");
    private static readonly System.Diagnostics.Metrics.Histogram<double> Seconds = JesusMeter.Instance.CreateHistogram<double>("test_seconds", "s", "Time that the test makes up.");

    private static string Write(MetricsText metrics, bool openMetrics)
    {
        var buffer = new ArrayBufferWriter<byte>();
        metrics.Write(buffer, openMetrics);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    [GeneratedRegex("""^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\.)*",?)*\})? ([-+]?[0-9.eE+-]+|[+-]Inf|NaN)$""")]
    private static partial Regex SampleLine();
}
