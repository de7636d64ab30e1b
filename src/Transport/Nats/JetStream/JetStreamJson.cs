using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>JSON of the JetStream API by hand: no reflection, so that it survives trimming. Durations are nanoseconds there.</summary>
internal static class JetStreamJson
{
    private const long NanosecondsPerTick = 100;

    /// <summary>One object.</summary>
    public static ReadOnlyMemory<byte> Encode<T>(T value, Action<Utf8JsonWriter, T> write)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        write(json, value);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    public static void WriteText(Utf8JsonWriter json, string name, string value)
    {
        if (value.Length > 0)
        {
            json.WriteString(name, value);
        }
    }

    public static void WriteTexts(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        if (values.Count == 0)
        {
            return;
        }

        json.WriteStartArray(name);
        foreach (var value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }

    /// <summary>What is 0 is left out: the server's default.</summary>
    public static void WriteNumber(Utf8JsonWriter json, string name, long value)
    {
        if (value != 0)
        {
            json.WriteNumber(name, value);
        }
    }

    public static void WriteFlag(Utf8JsonWriter json, string name, bool value)
    {
        if (value)
        {
            json.WriteBoolean(name, true);
        }
    }

    public static void WriteSpan(Utf8JsonWriter json, string name, TimeSpan value) => WriteNumber(json, name, Nanoseconds(value));

    public static long Nanoseconds(TimeSpan span) => span.Ticks * NanosecondsPerTick;

    public static string TextOf(JsonElement item, string name) =>
        item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    public static long LongOf(JsonElement item, string name) => item.TryGetProperty(name, out var value) && value.TryGetInt64(out var number) ? number : 0;

    public static ulong UlongOf(JsonElement item, string name) => item.TryGetProperty(name, out var value) && value.TryGetUInt64(out var number) ? number : 0;

    public static bool FlagOf(JsonElement item, string name) => item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;

    public static TimeSpan SpanOf(JsonElement item, string name) => TimeSpan.FromTicks(LongOf(item, name) / NanosecondsPerTick);

    /// <summary>RFC 3339; the server writes up to nine decimals, the last two of which a tick cannot hold.</summary>
    public static DateTimeOffset MomentOf(JsonElement item, string name) =>
        item.TryGetProperty(name, out var value) && value.TryGetDateTimeOffset(out var moment) ? moment : default;

    public static string Moment(DateTimeOffset moment) => moment.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture);

    public static IReadOnlyList<string> TextsOf(JsonElement item, string name)
    {
        if (!item.TryGetProperty(name, out var values) || values.ValueKind != JsonValueKind.Array)
        {
            return [];
        }

        var texts = new List<string>(values.GetArrayLength());
        foreach (var value in values.EnumerateArray())
        {
            texts.Add(value.GetString() ?? "");
        }

        return texts;
    }
}
