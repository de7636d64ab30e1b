using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Tests.Pipeline;

/// <summary>A journal that keeps nothing, for measuring its callers.</summary>
internal sealed class NoJournal : IJournal
{
    public JournalPosition Durable => default;

    public ValueTask<JournalPosition> AppendAsync(JournalKind kind, ReadOnlyMemory<byte> payload) => ValueTask.FromResult(default(JournalPosition));

    public JournalPosition Append(JournalKind kind, ReadOnlySpan<byte> payload) => default;

    public IEnumerable<JournalRecord> ReadAfter(JournalPosition position) => [];

    public ValueTask WaitDurableAsync(JournalPosition position, CancellationToken cancel) => ValueTask.CompletedTask;
}
