using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Audit;

/// <summary>One line of the audit: who changed or was allowed what. The payload is the record's own JSON.</summary>
public sealed record AuditEntry(JournalPosition Position, JournalKind Kind, DateTimeOffset At, string Payload);
