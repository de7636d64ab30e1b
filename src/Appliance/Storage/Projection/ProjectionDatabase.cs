using Jesus.Appliance.Storage.Journal;
using Microsoft.Data.Sqlite;

namespace Jesus.Appliance.Storage.Projection;

/// <summary>
/// The writing connection to <c>jesus.db</c>, the position up to which it is right, and the prepared parts. WAL with <c>synchronous=NORMAL</c>: after a power
/// failure the last transactions may be gone, and the position with them, so they are applied again.
/// </summary>
internal sealed class ProjectionDatabase : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly List<(string Name, IProjectionApplier Applier)>[] _byKind = new List<(string, IProjectionApplier)>[256];
    private readonly List<IProjectionApplier> _appliers = [];
    private readonly SqliteCommand _begin;
    private readonly SqliteCommand _commit;
    private readonly SqliteCommand _rollback;
    private readonly SqliteCommand _savePosition;

    private ProjectionDatabase(SqliteConnection connection, IReadOnlyList<IProjectionTable> tables, JournalPosition position)
    {
        _connection = connection;
        Position = position;
        _begin = Command("BEGIN IMMEDIATE");
        _commit = Command("COMMIT");
        _rollback = Command("ROLLBACK");
        _savePosition = Command("UPDATE projection_state SET position = $position, utc_ticks = $ticks");
        _savePosition.Parameters.Add("$position", SqliteType.Integer);
        _savePosition.Parameters.Add("$ticks", SqliteType.Integer);
        foreach (var table in tables)
        {
            Register(table);
        }
    }

    /// <summary>Everything up to here is in the tables.</summary>
    public JournalPosition Position { get; private set; }

    public static void Initialise() => SQLitePCL.Batteries_V2.Init();

    /// <summary>Opens the file if it is a projection of this journal by these tables.</summary>
    /// <param name="whyNot">What is wrong with it; null when it was opened.</param>
    public static ProjectionDatabase? TryOpen(string path, IReadOnlyList<IProjectionTable> tables, IJournal journal, out string? whyNot)
    {
        var connection = Connect(path);
        try
        {
            var position = ReadState(connection, tables, journal, out whyNot);
            if (whyNot is null)
            {
                return new ProjectionDatabase(connection, tables, position);
            }
        }
        catch (SqliteException e)
        {
            whyNot = $"it cannot be read ({e.Message})";
        }

        connection.Dispose();
        return null;
    }

    /// <summary>Creates an empty database in a file that does not exist.</summary>
    public static ProjectionDatabase Create(string path, IReadOnlyList<IProjectionTable> tables)
    {
        var connection = Connect(path);
        Execute(connection, "BEGIN; CREATE TABLE projection_parts (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;"
            + "CREATE TABLE projection_state (position INTEGER NOT NULL, utc_ticks INTEGER NOT NULL); INSERT INTO projection_state VALUES (0, 0);");
        using var add = connection.CreateCommand();
        add.CommandText = "INSERT INTO projection_parts VALUES ($name, $version)";
        foreach (var table in tables)
        {
            Execute(connection, table.Ddl);
            add.Parameters.Clear();
            add.Parameters.AddWithValue("$name", table.Name);
            add.Parameters.AddWithValue("$version", table.SchemaVersion);
            add.ExecuteNonQuery();
        }

        Execute(connection, "COMMIT");
        return new ProjectionDatabase(connection, tables, JournalPosition.Start);
    }

    /// <summary>Applies up to <paramref name="recordsMax"/> durable records and the new position in one transaction.</summary>
    /// <param name="onSkipped">Told of a record that a part could not read (its name, the record's position, the error); the others go on.</param>
    public void ApplyBatch(IJournal journal, int recordsMax, Action<string, JournalPosition, Exception> onSkipped)
    {
        _begin.ExecuteNonQuery();
        try
        {
            var (last, ticks, count) = (Position, 0L, 0);
            foreach (var record in journal.ReadAfter(Position))
            {
                Apply(record, onSkipped);
                (last, ticks) = (record.Position, record.UtcTicks);
                if (++count == recordsMax)
                {
                    break;
                }
            }

            _savePosition.Parameters[0].Value = last.Value;
            _savePosition.Parameters[1].Value = ticks;
            _savePosition.ExecuteNonQuery();
            _commit.ExecuteNonQuery();
            Position = last;
        }
        catch
        {
            Rollback();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var applier in _appliers)
        {
            applier.Dispose();
        }

        _begin.Dispose();
        _commit.Dispose();
        _rollback.Dispose();
        _savePosition.Dispose();
        _connection.Dispose();
    }

    private static SqliteConnection Connect(string path)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWriteCreate, Pooling = false }.ToString());
        connection.Open();
        try
        {
            Execute(connection, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;");
        }
        catch (SqliteException)
        {
            // not a database: reading its state will say so
        }

        return connection;
    }

    private static JournalPosition ReadState(SqliteConnection connection, IReadOnlyList<IProjectionTable> tables, IJournal journal, out string? whyNot)
    {
        whyNot = CompareParts(connection, tables);
        if (whyNot is not null)
        {
            return default;
        }

        using var command = connection.CreateCommand();
        command.CommandText = "SELECT position, utc_ticks FROM projection_state";
        using var reader = command.ExecuteReader();
        if (!reader.Read())
        {
            whyNot = "it holds no position";
            return default;
        }

        var position = new JournalPosition(reader.GetInt64(0));
        whyNot = BelongsTo(journal, position, reader.GetInt64(1)) ? null : "it belongs to another journal";
        return position;
    }

    private static string? CompareParts(SqliteConnection connection, IReadOnlyList<IProjectionTable> tables)
    {
        var wanted = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var table in tables)
        {
            wanted.Add($"{table.Name} {table.SchemaVersion}");
        }

        using var command = connection.CreateCommand();
        command.CommandText = "SELECT name || ' ' || version FROM projection_parts";
        using var reader = command.ExecuteReader();
        var found = new SortedSet<string>(StringComparer.Ordinal);
        while (reader.Read())
        {
            found.Add(reader.GetString(0));
        }

        return found.SetEquals(wanted) ? null : $"its tables are ({string.Join(", ", found)}), this version has ({string.Join(", ", wanted)})";
    }

    /// <summary>Whether the record last applied is the one that the journal has at that place.</summary>
    private static bool BelongsTo(IJournal journal, JournalPosition position, long ticks)
    {
        if (position.Value == 0)
        {
            return true;
        }

        foreach (var record in journal.ReadAfter(new JournalPosition(position.Value - 1)))
        {
            return record.UtcTicks == ticks;
        }

        return false;
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // The text is a constant of ours or a part's DDL, never input.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    private SqliteCommand Command(string sql)
    {
        var command = _connection.CreateCommand();
#pragma warning disable CA2100 // constants of this class
        command.CommandText = sql;
#pragma warning restore CA2100
        return command;
    }

    private void Register(IProjectionTable table)
    {
        var applier = table.Prepare(_connection);
        _appliers.Add(applier);
        foreach (var kind in table.Kinds)
        {
            (_byKind[(byte)kind] ??= []).Add((table.Name, applier));
        }
    }

    private void Apply(in JournalRecord record, Action<string, JournalPosition, Exception> onSkipped)
    {
        if (_byKind[(byte)record.Kind] is not { } appliers)
        {
            return;
        }

        foreach (var (name, applier) in appliers)
        {
            try
            {
                applier.Apply(record);
            }
            catch (Exception e) when (e is not SqliteException { SqliteErrorCode: not Constraint })
            {
                onSkipped(name, record.Position, e);
            }
        }
    }

    private const int Constraint = 19; // SQLITE_CONSTRAINT: the record does not fit the table, the database itself is sound

    private void Rollback()
    {
        try
        {
            _rollback.ExecuteNonQuery();
        }
        catch (SqliteException)
        {
            // SQLite rolled back by itself already (sqlite.org/lang_transaction.html, section 3)
        }
    }
}
