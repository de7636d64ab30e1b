using System.Text.Json;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>How far ahead a pull consumer asks.</summary>
public sealed record PullOptions
{
    internal static readonly PullOptions Default = new();

    /// <summary>
    /// Messages asked for and not yet read; 100 by default, 1 to 10,000. Asked for again when half are read. What a reader holds back others of the same consumer
    /// do not get: a work queue of long jobs wants 1.
    /// </summary>
    public int Batch { get; init; } = 100;

    /// <summary>
    /// Bytes asked for at once (subjects and headers included) in place of a count; 0 by default for no such bound. A message that alone is larger ends the reader
    /// with an error that says so.
    /// </summary>
    public int MaxBytes { get; init; }

    /// <summary>After so long the server ends a pull that it could not fill; 30 s by default, 1 s to 5 min.</summary>
    public TimeSpan Expires { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// An idle server says so as often as this; after two that are missing a new pull goes out. 5 s by default, at most half of <see cref="Expires"/>:
    /// the server refuses more.
    /// </summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(5);

    internal JetStreamError Check()
    {
        if (Batch is < 1 or > 10_000)
        {
            return JetStreamNames.Wrong($"a pull asks for 1 to 10,000 messages, not {Batch}");
        }

        if (MaxBytes < 0)
        {
            return JetStreamNames.Wrong("a pull's bytes are not negative");
        }

        return Expires < TimeSpan.FromSeconds(1) || Expires > TimeSpan.FromMinutes(5) || Heartbeat < TimeSpan.FromMilliseconds(100) || Heartbeat * 2 > Expires
            ? JetStreamNames.Wrong($"a pull expires after 1 s to 5 min, with a heartbeat of 0.1 s to half of that; not {Expires.TotalSeconds} s and {Heartbeat.TotalSeconds} s")
            : default;
    }

    /// <summary><c>{"batch":50,"max_bytes":65536,"expires":30000000000,"idle_heartbeat":5000000000}</c> (ADR-9 and the API's consumer next request).</summary>
    internal void Write(Utf8JsonWriter json, long batch)
    {
        json.WriteNumber("batch"u8, batch);
        if (MaxBytes > 0)
        {
            json.WriteNumber("max_bytes"u8, MaxBytes);
        }

        json.WriteNumber("expires"u8, JetStreamJson.Nanoseconds(Expires));
        json.WriteNumber("idle_heartbeat"u8, JetStreamJson.Nanoseconds(Heartbeat));
    }
}
