using System.Text.Json;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>Where a new consumer begins.</summary>
public enum DeliverPolicy : byte
{
    All,
    Last,
    New,

    /// <summary>At <see cref="ConsumerConfig.StartSequence"/>.</summary>
    ByStartSequence,

    /// <summary>With each subject's last message.</summary>
    LastPerSubject,
}

public enum AckPolicy : byte
{
    /// <summary>Each message by itself.</summary>
    Explicit,
    None,

    /// <summary>One acknowledges all before it.</summary>
    All,
}

/// <summary>A pull consumer as it is asked for. What is 0 or empty is left to the server.</summary>
public sealed record ConsumerConfig
{
    public required string Name { get; init; }

    /// <summary>It outlives its users; else it goes after <see cref="InactiveAfter"/> without one.</summary>
    public bool IsDurable { get; init; } = true;
    public string Description { get; init; } = "";
    public DeliverPolicy Deliver { get; init; }
    public ulong StartSequence { get; init; }
    public AckPolicy Ack { get; init; }

    /// <summary>After so long without an acknowledgement a message is delivered again; the server's default is 30 s.</summary>
    public TimeSpan AckWait { get; init; }

    /// <summary>Deliveries of one message at most; the server's default is without limit.</summary>
    public int MaxDeliver { get; init; }

    /// <summary>Waits before the second, third, ... delivery, in place of <see cref="AckWait"/>.</summary>
    public IReadOnlyList<TimeSpan> Backoff { get; init; } = [];
    public string FilterSubject { get; init; } = "";

    /// <summary>Several filters; from nats-server 2.10 on.</summary>
    public IReadOnlyList<string> FilterSubjects { get; init; } = [];

    /// <summary>Messages out and not acknowledged; the server's default is 1,000.</summary>
    public int MaxAckPending { get; init; }

    /// <summary>Pulls that wait; the server's default is 512.</summary>
    public int MaxWaiting { get; init; }
    public TimeSpan InactiveAfter { get; init; }
    public bool HeadersOnly { get; init; }

    /// <summary>0 takes the stream's.</summary>
    public int Replicas { get; init; }
    public bool InMemory { get; init; }

    internal JetStreamError Check()
    {
        var error = JetStreamNames.CheckName("consumer", Name);
        if (error.IsNone && FilterSubject.Length > 0)
        {
            error = JetStreamNames.CheckSubject(FilterSubject);
        }

        foreach (var subject in FilterSubjects)
        {
            error = error.IsNone ? JetStreamNames.CheckSubject(subject) : error;
        }

        return error.IsNone && FilterSubject.Length > 0 && FilterSubjects.Count > 0
            ? JetStreamNames.Wrong($"consumer '{Name}': one filter or several, not both")
            : error;
    }

    internal void Write(Utf8JsonWriter json)
    {
        json.WriteString("name", Name);
        JetStreamJson.WriteText(json, "durable_name", IsDurable ? Name : "");
        JetStreamJson.WriteText(json, "description", Description);
        json.WriteString("deliver_policy", Deliver switch
        {
            DeliverPolicy.Last => "last",
            DeliverPolicy.New => "new",
            DeliverPolicy.ByStartSequence => "by_start_sequence",
            DeliverPolicy.LastPerSubject => "last_per_subject",
            _ => "all",
        });
        if (StartSequence != 0)
        {
            json.WriteNumber("opt_start_seq", StartSequence);
        }

        json.WriteString("ack_policy", Ack switch
        {
            AckPolicy.None => "none",
            AckPolicy.All => "all",
            _ => "explicit",
        });
        json.WriteString("replay_policy", "instant");
        JetStreamJson.WriteSpan(json, "ack_wait", Backoff.Count > 0 ? TimeSpan.Zero : AckWait);
        JetStreamJson.WriteNumber(json, "max_deliver", MaxDeliver);
        WriteBackoff(json);
        JetStreamJson.WriteText(json, "filter_subject", FilterSubject);
        JetStreamJson.WriteTexts(json, "filter_subjects", FilterSubjects);
        JetStreamJson.WriteNumber(json, "max_ack_pending", MaxAckPending);
        JetStreamJson.WriteNumber(json, "max_waiting", MaxWaiting);
        JetStreamJson.WriteSpan(json, "inactive_threshold", InactiveAfter);
        JetStreamJson.WriteFlag(json, "headers_only", HeadersOnly);
        JetStreamJson.WriteNumber(json, "num_replicas", Replicas);
        JetStreamJson.WriteFlag(json, "mem_storage", InMemory);
    }

    private void WriteBackoff(Utf8JsonWriter json)
    {
        if (Backoff.Count == 0)
        {
            return;
        }

        json.WriteStartArray("backoff");
        foreach (var wait in Backoff)
        {
            json.WriteNumberValue(JetStreamJson.Nanoseconds(wait));
        }

        json.WriteEndArray();
    }
}

/// <summary>A consumer as it is.</summary>
public sealed record ConsumerInfo
{
    public required string Stream { get; init; }
    public required string Name { get; init; }
    public DateTimeOffset Created { get; init; }

    /// <summary>Messages that match and were never delivered.</summary>
    public ulong Pending { get; init; }

    /// <summary>Delivered and not acknowledged.</summary>
    public int AckPending { get; init; }
    public int Redelivered { get; init; }
    public int Waiting { get; init; }

    /// <summary>Sequence in the stream up to which everything is acknowledged.</summary>
    public ulong AckFloor { get; init; }
    public ulong DeliveredStreamSequence { get; init; }
    public ulong DeliveredConsumerSequence { get; init; }
    public string Leader { get; init; } = "";

    internal static ConsumerInfo Read(JsonElement json)
    {
        var delivered = json.TryGetProperty("delivered", out var d) ? d : default;
        var floor = json.TryGetProperty("ack_floor", out var f) ? f : default;
        var hasCluster = json.TryGetProperty("cluster", out var cluster) && cluster.ValueKind == JsonValueKind.Object;
        return new ConsumerInfo
        {
            Stream = JetStreamJson.TextOf(json, "stream_name"),
            Name = JetStreamJson.TextOf(json, "name"),
            Created = JetStreamJson.MomentOf(json, "created"),
            Pending = JetStreamJson.UlongOf(json, "num_pending"),
            AckPending = (int)JetStreamJson.LongOf(json, "num_ack_pending"),
            Redelivered = (int)JetStreamJson.LongOf(json, "num_redelivered"),
            Waiting = (int)JetStreamJson.LongOf(json, "num_waiting"),
            AckFloor = floor.ValueKind == JsonValueKind.Object ? JetStreamJson.UlongOf(floor, "stream_seq") : 0,
            DeliveredStreamSequence = delivered.ValueKind == JsonValueKind.Object ? JetStreamJson.UlongOf(delivered, "stream_seq") : 0,
            DeliveredConsumerSequence = delivered.ValueKind == JsonValueKind.Object ? JetStreamJson.UlongOf(delivered, "consumer_seq") : 0,
            Leader = hasCluster ? JetStreamJson.TextOf(cluster, "leader") : "",
        };
    }
}
