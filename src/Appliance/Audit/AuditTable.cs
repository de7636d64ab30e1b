using System.Text;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Storage.Projection;
using Microsoft.Data.Sqlite;

namespace Jesus.Appliance.Audit;

/// <summary>Table <c>audit_entries</c>: the audit's records for queries by kind and time.</summary>
public sealed class AuditTable : IProjectionTable
{
    public string Name => "audit";
    public int SchemaVersion => 1;

    public string Ddl =>
        "CREATE TABLE audit_entries (position INTEGER PRIMARY KEY, kind INTEGER NOT NULL, utc_ticks INTEGER NOT NULL, payload TEXT NOT NULL);"
        + "CREATE INDEX audit_entries_by_kind ON audit_entries (kind, position);";

    public ReadOnlySpan<JournalKind> Kinds => AuditView.Kinds;

    public IProjectionApplier Prepare(SqliteConnection connection) => new Applier(connection);

    private sealed class Applier : IProjectionApplier
    {
        private readonly SqliteCommand _insert;

        public Applier(SqliteConnection connection)
        {
            _insert = connection.CreateCommand();
            _insert.CommandText = "INSERT INTO audit_entries VALUES ($position, $kind, $ticks, $payload)";
            _insert.Parameters.Add("$position", SqliteType.Integer);
            _insert.Parameters.Add("$kind", SqliteType.Integer);
            _insert.Parameters.Add("$ticks", SqliteType.Integer);
            _insert.Parameters.Add("$payload", SqliteType.Text);
            _insert.Prepare();
        }

        public void Apply(in JournalRecord record)
        {
            _insert.Parameters[0].Value = record.Position.Value;
            _insert.Parameters[1].Value = (long)record.Kind;
            _insert.Parameters[2].Value = record.UtcTicks;
            _insert.Parameters[3].Value = Encoding.UTF8.GetString(record.Payload.Span);
            _insert.ExecuteNonQuery();
        }

        public void Dispose() => _insert.Dispose();
    }
}
