using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Nats.ObjectStore;

/// <summary>A bucket of objects as it is asked for.</summary>
public sealed record ObjectConfig
{
    public required string Bucket { get; init; }
    public string Description { get; init; } = "";

    /// <summary>Everything goes so long after it was written; zero by default: never.</summary>
    public TimeSpan Ttl { get; init; }
    public long MaxBytes { get; init; }
    public StreamStorage Storage { get; init; }

    /// <summary>1, 3 or 5.</summary>
    public int Replicas { get; init; } = 1;

    internal JetStreamError Check() => JetStreamNames.CheckBucket(Bucket);

    /// <summary>ADR-20.</summary>
    internal StreamConfig ToStream() => new()
    {
        Name = StreamOf(Bucket),
        Subjects = [$"$O.{Bucket}.C.>", $"$O.{Bucket}.M.>"],
        Description = Description,
        MaxAge = Ttl,
        MaxBytes = MaxBytes,
        Storage = Storage,
        Replicas = Replicas,
        Discard = StreamDiscard.New,
        AllowRollup = true,
    };

    internal static string StreamOf(string bucket) => "OBJ_" + bucket;
}
