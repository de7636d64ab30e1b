using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Telemetry;

/// <summary>Makes the loggers of the process; one line an entry on stderr. The level may change while it runs.</summary>
public sealed class LogHub : ILoggerFactory
{
    private readonly TimeProvider _time;
    private readonly Dictionary<string, LineLogger> _loggers = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private volatile int _level;

    /// <param name="options">Level and form.</param>
    /// <param name="stream">Where lines go; usually stderr.</param>
    /// <param name="isTerminal">Decides <see cref="LogFormat.Auto"/>.</param>
    /// <param name="time">Time of the entries.</param>
    public LogHub(LogOptions options, Stream stream, bool isTerminal, TimeProvider time)
    {
        _time = time;
        _level = (int)options.Level;
        Json = options.Format == LogFormat.Json || (options.Format == LogFormat.Auto && !isTerminal);
        Writer = new LogWriter(stream);
    }

    public LogLevel Level
    {
        get => (LogLevel)_level;
        set => _level = (int)value;
    }

    internal bool Json { get; }
    internal LogWriter Writer { get; }

    public ILogger CreateLogger(string categoryName)
    {
        lock (_gate)
        {
            if (!_loggers.TryGetValue(categoryName, out var logger))
            {
                _loggers[categoryName] = logger = new LineLogger(categoryName, this);
            }

            return logger;
        }
    }

    /// <summary>There is one writer; others are not taken.</summary>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("This factory has one writer.");

    public void Dispose() => Writer.Dispose();

    internal DateTimeOffset Now() => _time.GetUtcNow();
}
