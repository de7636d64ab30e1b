using System.Text.Json;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>When a stored message goes.</summary>
public enum StreamRetention : byte
{
    /// <summary>When a limit is reached.</summary>
    Limits,

    /// <summary>When every consumer that exists has acknowledged it.</summary>
    Interest,

    /// <summary>When one consumer has acknowledged it: each message has one taker.</summary>
    WorkQueue,
}

/// <summary>What a full stream does with another message.</summary>
public enum StreamDiscard : byte
{
    /// <summary>Drops the oldest.</summary>
    Old,

    /// <summary>Refuses the new one.</summary>
    New,
}

public enum StreamStorage : byte
{
    /// <summary>nats-server 2.9 acknowledges before it syncs: what an acknowledgement promises is that a majority of the replicas has the message, not that a disk has.</summary>
    File,
    Memory,
}

/// <summary>A stream as it is asked for. What is 0 or empty is left to the server.</summary>
public sealed record StreamConfig
{
    public required string Name { get; init; }

    /// <summary>Subjects, with wildcards, whose messages it keeps.</summary>
    public IReadOnlyList<string> Subjects { get; init; } = [];
    public string Description { get; init; } = "";
    public StreamRetention Retention { get; init; }
    public StreamDiscard Discard { get; init; }
    public StreamStorage Storage { get; init; }

    /// <summary>1, 3 or 5 servers that each hold every message; 1 by default.</summary>
    public int Replicas { get; init; } = 1;
    public long MaxMessages { get; init; }
    public long MaxBytes { get; init; }
    public int MaxMessageBytes { get; init; }
    public long MaxMessagesPerSubject { get; init; }
    public int MaxConsumers { get; init; }
    public TimeSpan MaxAge { get; init; }

    /// <summary>For how long <c>Nats-Msg-Id</c> is remembered; the server's default is 2 minutes, or <see cref="MaxAge"/> where that is shorter.</summary>
    public TimeSpan DuplicateWindow { get; init; }

    /// <summary>Messages may replace their subject's, or all, older ones (<c>Nats-Rollup</c>).</summary>
    public bool AllowRollup { get; init; }

    /// <summary>Any replica answers reads of single messages, also one that lags.</summary>
    public bool AllowDirect { get; init; }
    public bool DenyDelete { get; init; }
    public bool DenyPurge { get; init; }

    /// <summary><see cref="StreamDiscard.New"/> holds for each subject's limit too.</summary>
    public bool DiscardNewPerSubject { get; init; }

    /// <summary><c>s2</c>; from nats-server 2.10 on.</summary>
    public string Compression { get; init; } = "";

    /// <summary>Single messages may carry their own age (<c>Nats-TTL</c>); from nats-server 2.11 on.</summary>
    public bool AllowMessageTtl { get; init; }

    /// <summary>Checks names before anything is sent.</summary>
    internal JetStreamError Check()
    {
        var error = JetStreamNames.CheckName("stream", Name);
        foreach (var subject in Subjects)
        {
            error = error.IsNone ? JetStreamNames.CheckSubject(subject) : error;
        }

        return error.IsNone && Replicas is < 1 or > 5 ? JetStreamNames.Wrong($"stream '{Name}': replicas are 1 to 5, not {Replicas}") : error;
    }

    internal void Write(Utf8JsonWriter json)
    {
        json.WriteString("name", Name);
        JetStreamJson.WriteTexts(json, "subjects", Subjects);
        JetStreamJson.WriteText(json, "description", Description);
        json.WriteString("retention", Retention switch
        {
            StreamRetention.WorkQueue => "workqueue",
            StreamRetention.Interest => "interest",
            _ => "limits",
        });
        json.WriteString("discard", Discard == StreamDiscard.New ? "new" : "old");
        json.WriteString("storage", Storage == StreamStorage.Memory ? "memory" : "file");
        json.WriteNumber("num_replicas", Replicas);
        JetStreamJson.WriteNumber(json, "max_msgs", MaxMessages);
        JetStreamJson.WriteNumber(json, "max_bytes", MaxBytes);
        JetStreamJson.WriteNumber(json, "max_msg_size", MaxMessageBytes);
        JetStreamJson.WriteNumber(json, "max_msgs_per_subject", MaxMessagesPerSubject);
        JetStreamJson.WriteNumber(json, "max_consumers", MaxConsumers);
        JetStreamJson.WriteSpan(json, "max_age", MaxAge);
        JetStreamJson.WriteSpan(json, "duplicate_window", DuplicateWindow);
        JetStreamJson.WriteFlag(json, "allow_rollup_hdrs", AllowRollup);
        JetStreamJson.WriteFlag(json, "allow_direct", AllowDirect);
        JetStreamJson.WriteFlag(json, "deny_delete", DenyDelete);
        JetStreamJson.WriteFlag(json, "deny_purge", DenyPurge);
        JetStreamJson.WriteFlag(json, "discard_new_per_subject", DiscardNewPerSubject);
        JetStreamJson.WriteText(json, "compression", Compression);
        JetStreamJson.WriteFlag(json, "allow_msg_ttl", AllowMessageTtl);
    }

    internal static StreamConfig Read(JsonElement json) => new()
    {
        Name = JetStreamJson.TextOf(json, "name"),
        Subjects = JetStreamJson.TextsOf(json, "subjects"),
        Description = JetStreamJson.TextOf(json, "description"),
        Retention = JetStreamJson.TextOf(json, "retention") switch
        {
            "workqueue" => StreamRetention.WorkQueue,
            "interest" => StreamRetention.Interest,
            _ => StreamRetention.Limits,
        },
        Discard = JetStreamJson.TextOf(json, "discard") == "new" ? StreamDiscard.New : StreamDiscard.Old,
        Storage = JetStreamJson.TextOf(json, "storage") == "memory" ? StreamStorage.Memory : StreamStorage.File,
        Replicas = (int)JetStreamJson.LongOf(json, "num_replicas"),
        MaxMessages = Limit(json, "max_msgs"),
        MaxBytes = Limit(json, "max_bytes"),
        MaxMessageBytes = (int)Limit(json, "max_msg_size"),
        MaxMessagesPerSubject = Limit(json, "max_msgs_per_subject"),
        MaxConsumers = (int)Limit(json, "max_consumers"),
        MaxAge = JetStreamJson.SpanOf(json, "max_age"),
        DuplicateWindow = JetStreamJson.SpanOf(json, "duplicate_window"),
        AllowRollup = JetStreamJson.FlagOf(json, "allow_rollup_hdrs"),
        AllowDirect = JetStreamJson.FlagOf(json, "allow_direct"),
        DenyDelete = JetStreamJson.FlagOf(json, "deny_delete"),
        DenyPurge = JetStreamJson.FlagOf(json, "deny_purge"),
        DiscardNewPerSubject = JetStreamJson.FlagOf(json, "discard_new_per_subject"),
        Compression = JetStreamJson.TextOf(json, "compression"),
        AllowMessageTtl = JetStreamJson.FlagOf(json, "allow_msg_ttl"),
    };

    /// <summary>The server says -1 for no limit.</summary>
    private static long Limit(JsonElement json, string name) => Math.Max(0, JetStreamJson.LongOf(json, name));
}
