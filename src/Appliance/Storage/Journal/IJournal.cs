namespace Jesus.Appliance.Storage.Journal;

/// <summary>Whose record it is. Values are on disk: never renumber.</summary>
public enum JournalKind : byte
{
    RunEvent = 1,
    ToolIntent = 2,
    Usage = 3,
    BudgetLease = 4,
    Audit = 5,
    Key = 6,
    Admin = 7,
    Call = 8,
    Checkpoint = 9,
    Batch = 10,
    Response = 11,
}

/// <summary>Place of a record: counts up by one per record from 1, over all segments. 0 is before the first.</summary>
public readonly record struct JournalPosition(long Value) : IComparable<JournalPosition>
{
    public static JournalPosition Start => default;

    public int CompareTo(JournalPosition other) => Value.CompareTo(other.Value);
    public static bool operator <(JournalPosition a, JournalPosition b) => a.Value < b.Value;
    public static bool operator >(JournalPosition a, JournalPosition b) => a.Value > b.Value;
    public static bool operator <=(JournalPosition a, JournalPosition b) => a.Value <= b.Value;
    public static bool operator >=(JournalPosition a, JournalPosition b) => a.Value >= b.Value;
}

/// <summary>A record as read back. <see cref="Payload"/> is valid until the reader moves on.</summary>
/// <param name="UtcTicks">Wall-clock time of the append (for people; order is the position's).</param>
public readonly record struct JournalRecord(JournalPosition Position, JournalKind Kind, long UtcTicks, ReadOnlyMemory<byte> Payload);

/// <summary>
/// The append-only log that is the one truth on disk. Payloads are UTF-8 JSON written by their owner room; at most 64 KB
/// (<see cref="MaxPayloadBytes"/>), larger ones are artifacts. Thread-safe.
/// </summary>
public interface IJournal
{
    const int MaxPayloadBytes = 64 * 1024;

    /// <summary>Completes when the record is durable (one fsync per group of concurrent appends).</summary>
    /// <exception cref="JournalFailedException">The disk failed: nothing later can be acknowledged; the process must stop.</exception>
    ValueTask<JournalPosition> AppendAsync(JournalKind kind, ReadOnlyMemory<byte> payload);

    /// <summary>Returns at once; durable within 100 ms. For records whose loss in a crash is tolerable and detectable.</summary>
    JournalPosition Append(JournalKind kind, ReadOnlySpan<byte> payload);

    /// <summary>Everything up to here is durable.</summary>
    JournalPosition Durable { get; }

    /// <summary>Durable records after a position, oldest first, to the durable end as of the call.</summary>
    IEnumerable<JournalRecord> ReadAfter(JournalPosition position);

    /// <summary>Completes when <see cref="Durable"/> has passed <paramref name="position"/>.</summary>
    ValueTask WaitDurableAsync(JournalPosition position, CancellationToken cancel);
}

/// <summary>The journal can no longer be written; ends the process after logging.</summary>
public class JournalFailedException(string message, Exception? inner = null) : Exception(message, inner);
