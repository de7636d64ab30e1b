using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Telemetry;

/// <summary>Writes each entry as one line into a buffer of the calling thread and hands it to the <see cref="LogWriter"/>.</summary>
internal sealed class LineLogger(string category, LogHub hub) : ILogger
{
    /// <summary>A longer line is cut: some log readers drop it whole otherwise.</summary>
    private const int MaxTextChars = 8 * 1024;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _buffer;

    [ThreadStatic]
    private static Utf8JsonWriter? _json;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= hub.Level && logLevel != LogLevel.None;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
        {
            return;
        }

        var buffer = _buffer ??= new ArrayBufferWriter<byte>(512);
        buffer.ResetWrittenCount();
        if (hub.Json)
        {
            WriteJson(buffer, logLevel, eventId, state, exception, formatter);
        }
        else
        {
            WriteText(buffer, logLevel, formatter(state, null), exception);
        }

        buffer.Write("\n"u8);
        hub.Writer.Add(buffer.WrittenSpan);
    }

    private void WriteJson<TState>(ArrayBufferWriter<byte> buffer, LogLevel level, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var json = _json ??= new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });
        json.Reset(buffer);
        json.WriteStartObject();
        json.WriteString("time"u8, hub.Now());
        json.WriteString("level"u8, NameOf(level));
        json.WriteString("category"u8, category);
        if (id.Name is not null)
        {
            json.WriteString("event"u8, id.Name);
        }

        json.WriteString("message"u8, Cut(formatter(state, null)));
        if (state is IReadOnlyList<KeyValuePair<string, object?>> values)
        {
            WriteValues(json, values);
        }

        if (exception is not null)
        {
            json.WriteString("error"u8, Cut(exception.ToString()));
        }

        json.WriteEndObject();
        json.Flush();
    }

    private static void WriteValues(Utf8JsonWriter json, IReadOnlyList<KeyValuePair<string, object?>> values)
    {
        for (var i = 0; i < values.Count; i++)
        {
            var (name, value) = values[i];
            if (name == "{OriginalFormat}")
            {
                continue;
            }

            json.WritePropertyName(name);
            WriteValue(json, value);
        }
    }

    private static void WriteValue(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNullValue();
                break;
            case int number:
                json.WriteNumberValue(number);
                break;
            case long number:
                json.WriteNumberValue(number);
                break;
            case double number when double.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            default:
                json.WriteStringValue(Cut(Convert.ToString(value, CultureInfo.InvariantCulture) ?? ""));
                break;
        }
    }

    /// <summary>Control characters are shown, not sent: a log line must not steer the terminal.</summary>
    private void WriteText(ArrayBufferWriter<byte> buffer, LogLevel level, string message, Exception? exception)
    {
        var line = new StringBuilder(message.Length + 64);
        line.Append(hub.Now().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture)).Append(' ').Append(Short(level)).Append(' ');
        foreach (var c in Cut(exception is null ? message : message + ": " + exception))
        {
            _ = c is '\n' or '\t' || !char.IsControl(c) ? line.Append(c) : line.Append('?');
        }

        foreach (var chunk in line.GetChunks())
        {
            _ = Encoding.UTF8.GetBytes(chunk.Span, buffer);
        }
    }

    private static string Cut(string text) => text.Length <= MaxTextChars ? text : text[..MaxTextChars] + "... (cut)";

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warning",
        LogLevel.Error => "error",
        _ => "critical",
    };

    private static string Short(LogLevel level) => level switch
    {
        LogLevel.Trace => "trce",
        LogLevel.Debug => "dbug",
        LogLevel.Information => "info",
        LogLevel.Warning => "WARN",
        LogLevel.Error => "FAIL",
        _ => "CRIT",
    };
}
