namespace Jesus.Appliance.Federation.Durable;

/// <summary>Limits of runs that go on at another box when theirs dies (<c>federation.durable</c>). Each box of a cluster must use the same lease.</summary>
public sealed record DurableOptions
{
    /// <summary>Who and for how long. See <see cref="LeaseTerms"/>.</summary>
    public LeaseTerms Lease { get; init; } = new();

    /// <summary>Copies that JetStream keeps, 1, 3 or 5.</summary>
    public int Replicas { get; init; } = 1;

    /// <summary>Runs that this box owns at once. 64: each renews its lease every three seconds, which is some 20 small writes a second in all.</summary>
    public int RunsAtOnce { get; init; } = 64;

    /// <summary>Bytes of one run's replicated events; past them its next step fails with a reason. 8 MiB are some 20,000 events, all read by who takes over.</summary>
    public long LogBytesMax { get; init; } = 8 * 1024 * 1024;

    /// <summary>Bytes of events that one part of the log carries. 256 KiB: below the server's usual max_payload of 1 MiB, and four of the journal's largest records.</summary>
    public int PartBytesMax { get; init; } = 256 * 1024;

    /// <summary>Bytes of one payload or artifact. 64 MiB: a step commits only when it is at the servers, which at 100 Mbit/s is five seconds.</summary>
    public long ArtifactBytesMax { get; init; } = 64 * 1024 * 1024;

    /// <summary>Submissions that wait for their acknowledgement at once; past them one is refused as busy. 64.</summary>
    public int OutboxMax { get; init; } = 64;

    /// <summary>Bytes of one submission; larger texts of it travel as objects. 256 KiB, for the same reason as a part of the log.</summary>
    public int SubmitBytesMax { get; init; } = 256 * 1024;

    /// <summary>Submissions that the queue holds; past them a submission is refused. 100,000 of a few KB.</summary>
    public long QueueMax { get; init; } = 100_000;

    /// <summary>Runs known at once, of all boxes, with some 1 KB each in memory; past them the oldest ended ones are not shown. 100,000.</summary>
    public int KnownMax { get; init; } = 100_000;

    /// <summary>Runs of other boxes that are shown at once with their steps. 128.</summary>
    public int ShadowsMax { get; init; } = 128;

    /// <summary>How often a box says no to a submission, with <see cref="RefusalDelay"/> between, before the run ends with the reason: two minutes for a better box.</summary>
    public int RefusalsMax { get; init; } = 24;

    /// <summary>Before a submission that this box cannot take is offered again.</summary>
    public TimeSpan RefusalDelay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Owners that a run may have in turn; a run that outlives no box is ended. 100.</summary>
    public int OwnersMax { get; init; } = 100;

    /// <summary>After a run could not be gone on with here, others have so long to try.</summary>
    public TimeSpan TryAgainAfter { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an ended run's record and events stay at the servers. 7 days.</summary>
    public TimeSpan EndedKept { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How long payloads and artifacts stay there; a run that is older cannot move any more. 30 days.</summary>
    public TimeSpan BlobsKept { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long stopping waits for steps in progress before the runs are given back. 5 s.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Between two looks at what could be taken over. 250 ms: far below a lease.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromMilliseconds(250);
}
