using System.Text.Json;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>A message read from a stream by its sequence or subject; a copy of its own.</summary>
public sealed record StoredMessage
{
    public required string Subject { get; init; }
    public ulong Sequence { get; init; }
    public DateTimeOffset At { get; init; }
    public ReadOnlyMemory<byte> Payload { get; init; }

    public NatsHeadersView Headers { get; init; }

    /// <summary><c>{"subject":"s","seq":1,"hdrs":"base64","data":"base64","time":"..."}</c></summary>
    internal static StoredMessage? Read(JsonElement json)
    {
        var payload = Array.Empty<byte>();
        var headers = Array.Empty<byte>();
        var isWhole = (!json.TryGetProperty("data"u8, out var data) || data.TryGetBytesFromBase64(out payload!))
            && (!json.TryGetProperty("hdrs"u8, out var hdrs) || hdrs.TryGetBytesFromBase64(out headers!));
        return !isWhole ? null : new StoredMessage
        {
            Subject = JetStreamJson.TextOf(json, "subject"),
            Sequence = JetStreamJson.UlongOf(json, "seq"),
            At = JetStreamJson.MomentOf(json, "time"),
            Payload = payload,
            Headers = new NatsHeadersView(headers),
        };
    }
}
