namespace Jesus.Appliance.Federation.Durable;

/// <summary>
/// How long an owner may be silent. Nobody compares clocks: the owner counts from the moment before it asked for the write that was confirmed, an observer
/// from the moment after it saw that write, both on their own monotonic clock. So the owner stops before anybody may follow it, as long as their
/// clocks' rates differ by less than <see cref="LeaseMs"/> to <see cref="StopMs"/>.
/// </summary>
public sealed record LeaseTerms
{
    /// <summary>Another box may take the run when it saw no write for so long. 15 s: longer than an election of the servers (4 to 9 s), which is no reason to move runs.</summary>
    public int LeaseMs { get; init; } = 15_000;

    /// <summary>The owner stops its steps when no write of its was confirmed for so long. 10 s: a third of the lease is left for clocks and for steps to end.</summary>
    public int StopMs { get; init; } = 10_000;

    /// <summary>The owner writes at least so often. 3 s: three lost writes do not cost the run.</summary>
    public int RenewMs { get; init; } = 3_000;

    /// <summary>Boxes wait up to so much longer, each another time per run, so that they do not all reach for it at once. 2 s.</summary>
    public int SpreadMs { get; init; } = 2_000;

    /// <summary>Between two tries of what did not come through. 100 ms.</summary>
    public int RetryMs { get; init; } = 100;
}
