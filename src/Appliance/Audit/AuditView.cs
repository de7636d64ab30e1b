using System.Text;
using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Audit;

/// <summary>The journal as an auditor reads it: the records of keys, administration and audited decisions, straight from the log, without a database between.</summary>
public static class AuditView
{
    /// <summary>More than a page of a person's reading; the next page begins after the last position.</summary>
    public const int EntriesMax = 1000;

    /// <summary>Kinds that are audit entries.</summary>
    public static ReadOnlySpan<JournalKind> Kinds => [JournalKind.Audit, JournalKind.Key, JournalKind.Admin];

    /// <summary>Entries after a position, oldest first.</summary>
    /// <exception cref="JournalCorruptException">The journal is damaged there.</exception>
    public static IReadOnlyList<AuditEntry> Read(IJournal journal, JournalPosition after, int limit)
    {
        var entries = new List<AuditEntry>();
        foreach (var record in journal.ReadAfter(after))
        {
            if (record.Kind is JournalKind.Audit or JournalKind.Key or JournalKind.Admin)
            {
                entries.Add(new AuditEntry(record.Position, record.Kind, new DateTimeOffset(record.UtcTicks, TimeSpan.Zero), Encoding.UTF8.GetString(record.Payload.Span)));
                if (entries.Count >= Math.Min(limit, EntriesMax))
                {
                    break;
                }
            }
        }

        return entries;
    }
}
