using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Tests.Pipeline;

/// <summary>A journal in memory that a crash can cut: records appended without waiting are lost with <see cref="Crash"/>.</summary>
internal sealed class MemoryJournal : IJournal
{
    private readonly Lock _gate = new();
    private readonly List<JournalRecord> _records = [];
    private long _durable;

    public JournalPosition Durable => new(Volatile.Read(ref _durable));

    /// <summary>Everything so far, durable or not.</summary>
    public IReadOnlyList<JournalRecord> Records
    {
        get
        {
            lock (_gate)
            {
                return [.. _records];
            }
        }
    }

    public async ValueTask<JournalPosition> AppendAsync(JournalKind kind, ReadOnlyMemory<byte> payload)
    {
        await Task.Yield();
        lock (_gate)
        {
            var position = AppendLocked(kind, payload.Span);
            _durable = position.Value;
            return position;
        }
    }

    public JournalPosition Append(JournalKind kind, ReadOnlySpan<byte> payload)
    {
        lock (_gate)
        {
            return AppendLocked(kind, payload);
        }
    }

    public IEnumerable<JournalRecord> ReadAfter(JournalPosition position)
    {
        lock (_gate)
        {
            return [.. _records.Where(r => r.Position > position && r.Position.Value <= _durable)];
        }
    }

    public ValueTask WaitDurableAsync(JournalPosition position, CancellationToken cancel) => ValueTask.CompletedTask;

    /// <summary>Loses what was not durable.</summary>
    public void Crash()
    {
        lock (_gate)
        {
            _records.RemoveRange((int)_durable, _records.Count - (int)_durable);
        }
    }

    private JournalPosition AppendLocked(JournalKind kind, ReadOnlySpan<byte> payload)
    {
        var position = new JournalPosition(_records.Count + 1);
        _records.Add(new JournalRecord(position, kind, TimeProvider.System.GetUtcNow().UtcTicks, payload.ToArray()));
        return position;
    }
}
