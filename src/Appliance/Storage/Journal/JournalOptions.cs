namespace Jesus.Appliance.Storage.Journal;

/// <summary>Sizes of the journal; the defaults are right for the appliance, tests make them small.</summary>
public sealed record JournalOptions
{
    /// <summary>Bytes of a segment. 64 MiB: opening reads the last segment whole (about 20 ms), and a day of a busy box is a few dozen files. 64 KiB to 1 GiB.</summary>
    public int SegmentBytes { get; init; } = 64 << 20;

    /// <summary>
    /// Bytes of records that wait for the disk; an append that finds no room waits for the group in flight. 4 MiB: 10,000 and more
    /// outstanding records of 300 bytes, written in a few milliseconds. At most a quarter of <see cref="SegmentBytes"/>.
    /// </summary>
    public int PendingBytesMax { get; init; } = 4 << 20;

    /// <summary>How long records that nobody waits for may gather before they get an fsync of their own. 20 ms: well inside the 100 ms that is promised.</summary>
    public TimeSpan LazyDelay { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Zeros written ahead of the end, in bytes: overwriting them costs fdatasync no metadata (measured: 1.4 to 2.4 times as many a second as
    /// extending the file). 1 MiB: one group in some thousands pays 0.5 ms for it, and a young state folder stays small.
    /// </summary>
    public int ZeroAheadBytes { get; init; } = 1 << 20;
}
