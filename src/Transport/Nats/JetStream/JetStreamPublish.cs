namespace Jesus.Transport.Nats.JetStream;

/// <summary>Which older messages a new one replaces.</summary>
public enum Rollup : byte
{
    None,

    /// <summary>All of its subject.</summary>
    Subject,

    /// <summary>All of the stream.</summary>
    Stream,
}

/// <summary>Conditions and marks of a message to be stored.</summary>
public sealed record JetStreamPublish
{
    internal static readonly JetStreamPublish Default = new();

    /// <summary>
    /// Within the stream's duplicate window a second message of this id is acknowledged and not stored. With one, a lost answer is asked for again
    /// by sending again; without, it is an error that says so.
    /// </summary>
    public string MessageId { get; init; } = "";

    /// <summary>Refused by any other stream.</summary>
    public string ExpectedStream { get; init; } = "";

    /// <summary>Refused unless the stream's last message has this sequence.</summary>
    public ulong? ExpectedLastSequence { get; init; }

    /// <summary>
    /// Refused unless the subject's last message has this sequence; 0: unless it has none. On a replicated stream nats-server 2.9 looks only before it replicates, so
    /// that of two messages at the same moment both may be taken (tried with 2.9.10: in half of such races; never with 0, nor with
    /// <see cref="ExpectedLastSequence"/>, which is looked at again when the message is stored).
    /// </summary>
    public ulong? ExpectedLastSubjectSequence { get; init; }
    public string ExpectedLastMessageId { get; init; } = "";
    public Rollup Rollup { get; init; }

    /// <summary>More headers.</summary>
    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];
}

/// <summary>The server has it: on a majority of the replicas, not necessarily on a disk (nats-server 2.9 acknowledges before it syncs).</summary>
/// <param name="IsDuplicate">The id was known: nothing was stored now, <paramref name="Sequence"/> is that of the first.</param>
public readonly record struct PublishAck(ulong Sequence, bool IsDuplicate);
