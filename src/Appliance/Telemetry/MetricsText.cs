using System.Buffers;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Jesus.Appliance.Telemetry;

/// <summary>
/// The instruments of <see cref="JesusMeter"/>, aggregated by OpenTelemetry's SDK and written on demand as Prometheus text 0.0.4 or
/// OpenMetrics 1.0, followed by <c>process_*</c> and <c>dotnet_*</c>. Thread-safe: scrapes follow one another.
/// </summary>
public sealed class MetricsText : IDisposable
{
    /// <summary>
    /// Label sets of one instrument; more than this are counted together under the SDK's overflow label. Labels are names of routes, models, teams:
    /// an appliance has tens of each.
    /// </summary>
    private const int MaxSeriesPerInstrument = 1000;

    /// <summary>Seconds: from a cached answer's 1 ms to an agent run's hour, about two a decade.</summary>
    private static readonly double[] SecondsBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600];

    private readonly Lock _gate = new();
    private readonly ScrapeExporter _exporter = new();
    private readonly BaseExportingMetricReader _reader;
    private readonly MeterProvider _provider;
    private readonly ProcessMetrics _process;

    public MetricsText(TimeProvider time, string version)
    {
        _process = new ProcessMetrics(time, version);
        _reader = new BaseExportingMetricReader(_exporter) { TemporalityPreference = MetricReaderTemporalityPreference.Cumulative };
        _provider = Sdk.CreateMeterProviderBuilder()
            .AddMeter(JesusMeter.Name)
            .AddView(instrument => new ExplicitBucketHistogramConfiguration { Boundaries = SecondsBounds, CardinalityLimit = MaxSeriesPerInstrument }.For(instrument))
            .AddReader(_reader)
            .Build();
    }

    /// <summary>Collects, then writes every series.</summary>
    public void Write(IBufferWriter<byte> output, bool openMetrics)
    {
        lock (_gate)
        {
            var writer = new PrometheusWriter(output, openMetrics);
            _exporter.Scrape(_reader, writer);
            _process.Write(writer);
            writer.End();
        }
    }

    public void Dispose()
    {
        _provider.Dispose();
        _reader.Dispose();
    }

    /// <summary>Hands each batch of the SDK to the scrape in progress. Pull mode without the SDK's attribute, with which a collect exports nothing.</summary>
    private sealed class ScrapeExporter : BaseExporter<Metric>
    {
        private PrometheusWriter? _writer;

        public void Scrape(BaseExportingMetricReader reader, PrometheusWriter writer)
        {
            _writer = writer;
            _ = reader.Collect(timeoutMilliseconds: 5000);
            _writer = null;
        }

        public override ExportResult Export(in Batch<Metric> batch)
        {
            if (_writer is { } writer)
            {
                foreach (var metric in batch)
                {
                    MetricFamily.Write(writer, metric);
                }
            }

            return ExportResult.Success;
        }
    }
}

internal static class HistogramView
{
    /// <summary>The boundaries hold for histograms only; other instruments keep the SDK's own aggregation under the same limit of series.</summary>
    public static MetricStreamConfiguration For(this ExplicitBucketHistogramConfiguration seconds, System.Diagnostics.Metrics.Instrument instrument) =>
        instrument is System.Diagnostics.Metrics.Histogram<double> or System.Diagnostics.Metrics.Histogram<long> or System.Diagnostics.Metrics.Histogram<float>
            ? seconds
            : new MetricStreamConfiguration { CardinalityLimit = seconds.CardinalityLimit };
}
