using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Nats.KeyValue;

/// <summary>A bucket of keys as it is asked for.</summary>
public sealed record KeyValueConfig
{
    /// <summary>More the server does not keep of a key.</summary>
    public const int HistoryMax = 64;

    public required string Bucket { get; init; }
    public string Description { get; init; } = "";

    /// <summary>Revisions kept of each key; 1 by default, at most <see cref="HistoryMax"/>.</summary>
    public int History { get; init; } = 1;

    /// <summary>A key goes so long after its last write; zero by default: never.</summary>
    public TimeSpan Ttl { get; init; }

    /// <summary>0 by default: as large as the server's max_payload.</summary>
    public int MaxValueBytes { get; init; }
    public long MaxBytes { get; init; }
    public StreamStorage Storage { get; init; }

    /// <summary>1, 3 or 5.</summary>
    public int Replicas { get; init; } = 1;

    internal JetStreamError Check()
    {
        var error = JetStreamNames.CheckBucket(Bucket);
        if (error.IsNone && History is < 1 or > HistoryMax)
        {
            error = JetStreamNames.Wrong($"bucket '{Bucket}': history is 1 to {HistoryMax}, not {History}");
        }

        return error;
    }

    /// <summary>ADR-8. Reads go to the stream's leader, so that whoever wrote reads what it wrote: no direct reads.</summary>
    internal StreamConfig ToStream() => new()
    {
        Name = StreamOf(Bucket),
        Subjects = [PrefixOf(Bucket) + ">"],
        Description = Description,
        MaxMessagesPerSubject = History,
        MaxAge = Ttl,
        MaxMessageBytes = MaxValueBytes,
        MaxBytes = MaxBytes,
        Storage = Storage,
        Replicas = Replicas,
        Discard = StreamDiscard.New,
        AllowRollup = true,
        DenyDelete = true,
        DuplicateWindow = Ttl > TimeSpan.Zero && Ttl < DuplicateWindowMax ? Ttl : DuplicateWindowMax,
    };

    /// <summary>A write is sent again after a lost answer within seconds.</summary>
    private static readonly TimeSpan DuplicateWindowMax = TimeSpan.FromMinutes(2);

    internal static string StreamOf(string bucket) => "KV_" + bucket;

    internal static string PrefixOf(string bucket) => $"$KV.{bucket}.";
}
