namespace Jesus.Appliance.Storage.Projection;

/// <summary>Sizes of the projection.</summary>
public sealed record ProjectionOptions
{
    /// <summary>Records of one transaction. 2,000: about 20 ms, so a reader never waits long for the applier, and a commit's cost is spread thin.</summary>
    public int BatchRecordsMax { get; init; } = 2000;

    /// <summary>How long records may gather when no query waits for them. 10 ms: a quiet box pays one transaction for a burst of events.</summary>
    public TimeSpan GatherDelay { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Pause after a database error that is no damage (disk full, I/O error) before the batch is tried again. 1 second: such errors last.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);
}
