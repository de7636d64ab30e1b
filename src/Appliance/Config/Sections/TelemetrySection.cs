using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Telemetry;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Config.Sections;

internal static class TelemetrySection
{
    public static RecordShape<LogOptions> Shape { get; } = new(
        new Property<LogOptions, LogLevel>("logLevel", "The least severe level that is written to stderr.",
            new Names<LogLevel>(("trace", LogLevel.Trace), ("debug", LogLevel.Debug), ("info", LogLevel.Information), ("warning", LogLevel.Warning), ("error", LogLevel.Error)),
            o => o.Level, (o, v) => o with { Level = v }),
        new Property<LogOptions, LogFormat>("logFormat", "auto: human lines on a terminal, JSON otherwise.",
            new Names<LogFormat>(("auto", LogFormat.Auto), ("json", LogFormat.Json), ("text", LogFormat.Text)),
            o => o.Format, (o, v) => o with { Format = v }));
}
