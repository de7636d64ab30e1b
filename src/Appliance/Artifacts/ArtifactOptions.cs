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

    /// <summary>An artifact stored in this process so recently is kept by a sweep though nothing refers to it yet. 1 hour: far above the time from storing to recording.</summary>
    public TimeSpan SweepGrace { get; init; } = TimeSpan.FromHours(1);
}
