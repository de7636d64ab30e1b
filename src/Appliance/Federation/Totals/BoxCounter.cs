using System.Diagnostics.Metrics;
using Jesus.Appliance.Telemetry;

namespace Jesus.Appliance.Federation.Totals;

/// <summary>Counts what the box does by listening to its own instruments, which thereby need not know of it. Thread-safe; nothing is allocated per measurement.</summary>
internal sealed class BoxCounter : IDisposable
{
    private readonly MeterListener _listener = new();
    private long _calls;
    private long _errors;
    private long _inputTokens;
    private long _outputTokens;
    private long _microUsd;
    private long _runs;

    public BoxCounter()
    {
        _listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter == JesusMeter.Instance && instrument.Name is "requests_total" or "tokens_total" or "cost_usd_total" or "run_seconds")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Count(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => Count(instrument, value));
        _listener.Start();
    }

    public BoxCounts Now => new()
    {
        Calls = Interlocked.Read(ref _calls),
        Errors = Interlocked.Read(ref _errors),
        InputTokens = Interlocked.Read(ref _inputTokens),
        OutputTokens = Interlocked.Read(ref _outputTokens),
        MicroUsd = Interlocked.Read(ref _microUsd),
        Runs = Interlocked.Read(ref _runs),
    };

    public void Dispose() => _listener.Dispose();

    private void Count(Instrument instrument, long value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (instrument.Name == "requests_total")
        {
            _ = Interlocked.Add(ref _calls, value);
            _ = Interlocked.Add(ref _errors, Has(tags, "outcome", "ok") ? 0 : value);
        }
        else if (instrument.Name == "tokens_total")
        {
            _ = Interlocked.Add(ref (Has(tags, "direction", "input") ? ref _inputTokens : ref _outputTokens), value);
        }
    }

    private void Count(Instrument instrument, double value)
    {
        if (instrument.Name == "cost_usd_total")
        {
            _ = Interlocked.Add(ref _microUsd, (long)Math.Round(value * 1e6));
        }
        else if (instrument.Name == "run_seconds")
        {
            _ = Interlocked.Increment(ref _runs);
        }
    }

    private static bool Has(ReadOnlySpan<KeyValuePair<string, object?>> tags, string name, string value)
    {
        foreach (var tag in tags)
        {
            if (tag.Key == name)
            {
                return tag.Value is string text && text == value;
            }
        }

        return false;
    }
}
