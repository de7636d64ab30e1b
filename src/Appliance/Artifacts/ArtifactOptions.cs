namespace Jesus.Appliance.Artifacts;

/// <summary>Configuration section <c>artifacts</c>.</summary>
public sealed record ArtifactOptions
{
    /// <summary>Bytes that all artifacts together may use. 20 GiB: a month of a busy team's reports and logs. 1 MiB and more.</summary>
    public long QuotaBytes { get; init; } = 20L << 30;

    /// <summary>Bytes of one artifact. 1 GiB: larger files belong beside the runs, not into them.</summary>
    public long ArtifactBytesMax { get; init; } = 1L << 30;

    /// <summary>Bytes of the volume that artifacts leave free. 256 MiB: the journal, which must never stop, writes to the same volume.</summary>
    public long FreeBytesMin { get; init; } = 256L << 20;

    /// <summary>
    /// Days for which the files of a run that has ended are kept, a message batch's requests and answers among them. 90: a quarter, after which results have been
    /// looked at or copied. The run itself can still be read. 0 means for ever; to 36,500.
    /// </summary>
    public int RetentionDays { get; init; } = 90;

    /// <summary>The same as a time; zero means for ever.</summary>
    public TimeSpan Retention => TimeSpan.FromDays(RetentionDays);

    /// <summary>An artifact stored in this process so recently is kept by a sweep though nothing refers to it yet. 1 hour: far above the time from storing to recording.</summary>
    public TimeSpan SweepGrace { get; init; } = TimeSpan.FromHours(1);
}
