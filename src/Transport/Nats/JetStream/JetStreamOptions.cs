namespace Jesus.Transport.Nats.JetStream;

/// <summary>How the server's JetStream is spoken to.</summary>
public sealed record JetStreamOptions
{
    /// <summary>JetStream domain, for a leaf node that has its own; empty for the account's.</summary>
    public string Domain { get; init; } = "";

    /// <summary>For one answer; 5 s by default. A healthy server needs milliseconds, a cluster that creates a stream of three replicas up to a second.</summary>
    public TimeSpan AnswerWithin { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long something is tried again where nobody listens, which is what an election looks like; 10 s by default: nats-server's elections take 4 to 9 s.
    /// Also after a lost answer, but only where a repeat does no harm.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Between two tries; 250 ms by default.</summary>
    public TimeSpan RetryEvery { get; init; } = TimeSpan.FromMilliseconds(250);
}
