using System.Text;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Storage.Projection;
using Microsoft.Data.Sqlite;

namespace Jesus.Appliance.Tests.Storage.Projection;

/// <summary>Counts the records of each payload: applying one twice or not at all shows.</summary>
internal sealed class CountTable(int version = 1) : IProjectionTable
{
    public string Name => "counts";
    public int SchemaVersion => version;
    public string Ddl => "CREATE TABLE counts (word TEXT PRIMARY KEY, n INTEGER NOT NULL, last INTEGER NOT NULL)";
    public ReadOnlySpan<JournalKind> Kinds => [JournalKind.Usage];

    public IProjectionApplier Prepare(SqliteConnection connection) => new Applier(connection);

    public static string Content(SqliteProjection projection)
    {
        using var connection = projection.OpenReader();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT word, n, last FROM counts ORDER BY word";
        using var reader = command.ExecuteReader();
        var text = new StringBuilder();
        while (reader.Read())
        {
            text.Append($"{reader.GetString(0)}={reader.GetInt64(1)}@{reader.GetInt64(2)} ");
        }

        return text.ToString();
    }

    private sealed class Applier : IProjectionApplier
    {
        private readonly SqliteCommand _command;

        public Applier(SqliteConnection connection)
        {
            _command = connection.CreateCommand();
            _command.CommandText = "INSERT INTO counts VALUES ($word, 1, $last) ON CONFLICT (word) DO UPDATE SET n = n + 1, last = $last";
            _command.Parameters.Add("$word", SqliteType.Text);
            _command.Parameters.Add("$last", SqliteType.Integer);
            _command.Prepare();
        }

        public void Apply(in JournalRecord record)
        {
            var word = Encoding.UTF8.GetString(record.Payload.Span);
            if (word == "poison")
            {
                throw new FormatException("not a word");
            }

            _command.Parameters[0].Value = word;
            _command.Parameters[1].Value = record.Position.Value;
            _command.ExecuteNonQuery();
        }

        public void Dispose() => _command.Dispose();
    }
}
