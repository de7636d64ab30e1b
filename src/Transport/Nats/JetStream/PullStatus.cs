namespace Jesus.Transport.Nats.JetStream;

/// <summary>What a status message means for whoever pulls.</summary>
internal enum PullStep : byte
{
    /// <summary>Nothing: the server lives.</summary>
    Alive,

    /// <summary>This pull is over; ask anew.</summary>
    PullOver,

    /// <summary>This pull is over because the next message does not fit into what is left of its bytes.</summary>
    BytesFull,

    /// <summary>Not now: a leader moves, a server stops, too many pulls wait. Ask anew after a pause.</summary>
    Later,

    /// <summary>Nobody took the pull: see whether the consumer still exists.</summary>
    LookUp,

    /// <summary>The consumer was deleted.</summary>
    Deleted,

    /// <summary>The request itself is wrong: no repeat will help.</summary>
    Wrong,
}

/// <summary>Statuses of a pull, as nats-server's server/consumer.go sends them. Pure.</summary>
internal static class PullStatus
{
    public static PullStep StepOf(int status, ReadOnlySpan<byte> description) => status switch
    {
        100 => PullStep.Alive,
        404 or 408 => PullStep.PullOver,
        503 => PullStep.LookUp,
        409 => StepOf(description),
        400 => PullStep.Wrong,

        // A status of a later server: the pull did not bring anything, and a pause keeps it from being asked in a storm.
        _ => PullStep.Later,
    };

    private static PullStep StepOf(ReadOnlySpan<byte> description)
    {
        if (description.StartsWith("Message Size Exceeds MaxBytes"u8))
        {
            return PullStep.BytesFull;
        }

        if (description.StartsWith("Consumer Deleted"u8))
        {
            return PullStep.Deleted;
        }

        return description.StartsWith("Consumer is push based"u8) || description.StartsWith("Exceeded MaxRequest"u8) ? PullStep.Wrong : PullStep.Later;
    }
}
