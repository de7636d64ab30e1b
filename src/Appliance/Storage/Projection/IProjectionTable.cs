using Jesus.Appliance.Storage.Journal;
using Microsoft.Data.Sqlite;

namespace Jesus.Appliance.Storage.Projection;

/// <summary>A room's tables in <c>jesus.db</c>: what they look like and how journal records change them. Everything in them follows from the journal.</summary>
public interface IProjectionTable
{
    /// <summary>Stable name of the part, such as <c>runs</c>.</summary>
    string Name { get; }

    /// <summary>Raised with every change of <see cref="Ddl"/> or of what Apply writes: the database is then rebuilt from the journal.</summary>
    int SchemaVersion { get; }

    /// <summary>Statements that create the part's tables and indexes in an empty database.</summary>
    string Ddl { get; }

    /// <summary>The kinds of record that it wants.</summary>
    ReadOnlySpan<JournalKind> Kinds { get; }

    /// <summary>Prepares its statements on the writing connection; disposed before the connection is. Transactions are the projection's own.</summary>
    IProjectionApplier Prepare(SqliteConnection connection);
}

/// <summary>Prepared statements of one <see cref="IProjectionTable"/>. One thread at a time.</summary>
public interface IProjectionApplier : IDisposable
{
    /// <summary>Writes what a record changes. Must give the same rows each time, whatever the wall clock says.</summary>
    void Apply(in JournalRecord record);
}
