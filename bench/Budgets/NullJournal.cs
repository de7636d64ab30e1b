using Jesus.Appliance.Storage.Journal;

namespace Jesus.Bench.Budgets;

/// <summary>A journal that takes everything at once: the cost of the disk is measured beside, not inside.</summary>
internal sealed class NullJournal : IJournal
{
    private long _position;

    /// <summary>Records that a caller waited for.</summary>
    public int Waited { get; private set; }

    public JournalPosition Durable => new(_position);

    public ValueTask<JournalPosition> AppendAsync(JournalKind kind, ReadOnlyMemory<byte> payload)
    {
        Waited++;
        return ValueTask.FromResult(new JournalPosition(Interlocked.Increment(ref _position)));
    }

    public JournalPosition Append(JournalKind kind, ReadOnlySpan<byte> payload) => new(Interlocked.Increment(ref _position));

    public IEnumerable<JournalRecord> ReadAfter(JournalPosition position) => [];

    public ValueTask WaitDurableAsync(JournalPosition position, CancellationToken cancel) => ValueTask.CompletedTask;
}
