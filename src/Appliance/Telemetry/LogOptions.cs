using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Telemetry;

public enum LogFormat : byte
{
    /// <summary>Human lines on a terminal, JSON otherwise.</summary>
    Auto,
    Json,
    Text,
}

/// <summary>What is logged to stderr and how.</summary>
public sealed record LogOptions
{
    /// <summary>The least severe level that is written.</summary>
    public LogLevel Level { get; init; } = LogLevel.Information;
    public LogFormat Format { get; init; } = LogFormat.Auto;
}
