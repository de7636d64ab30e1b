using System.Globalization;
using OpenTelemetry.Metrics;

namespace Jesus.Appliance.Telemetry;

/// <summary>Writes one instrument's series.</summary>
internal static class MetricFamily
{
    private const string Prefix = "jesus_";

    public static void Write(PrometheusWriter writer, Metric metric)
    {
        var name = Prefix + metric.Name.Replace('.', '_');
        var help = metric.Description is { Length: > 0 } text ? text : "See docs/metrics.md.";
        switch (metric.MetricType)
        {
            case MetricType.LongSum:
            case MetricType.DoubleSum:
                writer.Family(name, "counter", help);
                break;
            case MetricType.Histogram:
                writer.Family(name, "histogram", help);
                break;
            default:
                writer.Family(name, "gauge", help);
                break;
        }

        foreach (ref readonly var point in metric.GetMetricPoints())
        {
            WritePoint(writer, name, metric.MetricType, point);
        }
    }

    private static void WritePoint(PrometheusWriter writer, string name, MetricType type, in MetricPoint point)
    {
        switch (type)
        {
            case MetricType.LongSum:
            case MetricType.LongSumNonMonotonic:
                Labelled(writer, name, point).Value(point.GetSumLong());
                break;
            case MetricType.DoubleSum:
            case MetricType.DoubleSumNonMonotonic:
                Labelled(writer, name, point).Value(point.GetSumDouble());
                break;
            case MetricType.LongGauge:
                Labelled(writer, name, point).Value(point.GetGaugeLastValueLong());
                break;
            case MetricType.DoubleGauge:
                Labelled(writer, name, point).Value(point.GetGaugeLastValueDouble());
                break;
            case MetricType.Histogram:
                WriteHistogram(writer, name, point);
                break;
            default:
                break;
        }
    }

    private static void WriteHistogram(PrometheusWriter writer, string name, in MetricPoint point)
    {
        var count = 0L;
        foreach (var bucket in point.GetHistogramBuckets())
        {
            count += bucket.BucketCount;
            var bound = double.IsPositiveInfinity(bucket.ExplicitBound) ? "+Inf" : bucket.ExplicitBound.ToString("R", CultureInfo.InvariantCulture);
            Labelled(writer, name + "_bucket", point).Label("le", bound).Value(count);
        }

        Labelled(writer, name + "_sum", point).Value(point.GetHistogramSum());
        Labelled(writer, name + "_count", point).Value(point.GetHistogramCount());
    }

    private static Sample Labelled(PrometheusWriter writer, string name, in MetricPoint point)
    {
        var sample = writer.Sample(name);
        foreach (var tag in point.Tags)
        {
            sample = sample.Label(tag.Key.Replace('.', '_'), Convert.ToString(tag.Value, CultureInfo.InvariantCulture) ?? "");
        }

        return sample;
    }
}
