namespace Jesus.Appliance.Storage.Journal;

/// <summary>What opening found. A cut tail is normal after a crash: a group that was never acknowledged.</summary>
/// <param name="Last">The last durable record.</param>
/// <param name="Segments">Number of segment files.</param>
/// <param name="CutFile">Segment whose tail was cut; null when none was.</param>
/// <param name="CutOffset">Where it was cut.</param>
/// <param name="CutBytes">Bytes from there to the last byte that was not zero.</param>
/// <param name="CutReason">Why the tail is no group.</param>
public sealed record JournalOpenReport(JournalPosition Last, int Segments, string? CutFile = null, long CutOffset = 0, long CutBytes = 0, string? CutReason = null)
{
    public override string ToString() => CutFile is null
        ? $"journal: {Last.Value} records in {Segments} segments"
        : $"journal: {Last.Value} records in {Segments} segments; cut {CutBytes} bytes of an unacknowledged group at {CutFile}, offset {CutOffset} ({CutReason})";
}
