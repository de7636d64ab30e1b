using Jesus.Appliance.Storage.Journal;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Storage.Projection;

/// <summary>
/// <c>jesus.db</c>: tables for queries, applied from the journal in the background and rebuilt from it whenever the file is missing, damaged, of another
/// version or of another journal. Nothing is lost with it. Queries open their own reading connection; <see cref="CatchUpAsync"/> lets
/// one wait for what was just written.
/// </summary>
public sealed partial class SqliteProjection : IAsyncDisposable
{
    private readonly string _path;
    private readonly IJournal _journal;
    private readonly IReadOnlyList<IProjectionTable> _tables;
    private readonly ProjectionOptions _options;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _hurry = new(0);
    private readonly Lock _gate = new();
    private readonly List<(long Position, TaskCompletionSource Source)> _waiting = [];
    private ProjectionDatabase? _database;
    private Task _applying = Task.CompletedTask;
    private long _applied;
    private long _skipped;

    /// <param name="path">The database file; its folder exists.</param>
    /// <param name="tables">One part per room; their names differ.</param>
    public SqliteProjection(string path, IJournal journal, IReadOnlyList<IProjectionTable> tables, ProjectionOptions options, ILogger log)
    {
        (_path, _journal, _tables, _options, _log) = (path, journal, tables, options, log);
        ProjectionDatabase.Initialise();
    }

    /// <summary>Everything up to here can be queried.</summary>
    public JournalPosition Applied => new(Volatile.Read(ref _applied));

    /// <summary>Records that a part could not read; each was logged.</summary>
    public long Skipped => Volatile.Read(ref _skipped);

    /// <summary>Opens or rebuilds the database and begins to follow the journal. A rebuild goes on in the background.</summary>
    public void Start()
    {
        OpenDatabase();
        _applying = Task.Run(FollowAsync);
    }

    /// <summary>A reading connection; dispose it after the query. Not before <see cref="Start"/>.</summary>
    public SqliteConnection OpenReader()
    {
        var connection = Reader();
        connection.Open();
        return connection;
    }

    /// <summary>Completes when queries see everything up to a position.</summary>
    /// <exception cref="SqliteException">The database cannot be written now; it is tried again in the background.</exception>
    public async ValueTask CatchUpAsync(JournalPosition position, CancellationToken cancel)
    {
        await _journal.WaitDurableAsync(position, cancel).ConfigureAwait(false);
        var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_applied >= position.Value)
            {
                return;
            }

            ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
            _waiting.Add((position.Value, source));
        }

        if (_hurry.CurrentCount == 0)
        {
            _hurry.Release(); // two that release at once only shorten one wait
        }

        using var registration = cancel.Register(() => source.TrySetCanceled(cancel));
        await source.Task.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _applying.ConfigureAwait(false);
        Wake(_ => new ObjectDisposedException(nameof(SqliteProjection)));
        _database?.Dispose();
        ForgetReaders();
        _stop.Dispose();
        _hurry.Dispose();
    }

    private async Task FollowAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await GatherAsync().ConfigureAwait(false);
                EnsureDatabase();
                ApplyAll();
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SqliteException e) when (IsDamage(e))
            {
                LogRebuild(_path, e.Message);
                Abandon();
            }
            catch (SqliteException e)
            {
                LogTrouble(_path, e.Message, _options.RetryDelay);
                Wake(_ => e);
                await PauseAsync().ConfigureAwait(false);
            }
            catch (IOException e)
            {
                LogStopped(e); // the journal itself is damaged: without it there is nothing to project
                Wake(_ => e);
                return;
            }
            catch (JournalFailedException e)
            {
                Wake(_ => e);
                return;
            }
        }
    }

    /// <summary>Waits until there is something to apply, and a little longer unless a query waits for it.</summary>
    private async Task GatherAsync()
    {
        await _journal.WaitDurableAsync(new JournalPosition(_applied + 1), _stop.Token).ConfigureAwait(false);
        if (_journal.Durable.Value - _applied < _options.BatchRecordsMax)
        {
            await _hurry.WaitAsync(_options.GatherDelay, _stop.Token).ConfigureAwait(false);
        }
    }

    /// <summary>Begins anew when the database was abandoned, or when somebody deleted its file under us.</summary>
    private void EnsureDatabase()
    {
        if (_database is not null && !Exists(_path))
        {
            LogMissing(_path);
            Abandon();
        }

        if (_database is null)
        {
            Recreate();
        }
    }

    private void Abandon()
    {
        _database?.Dispose();
        _database = null;
        Volatile.Write(ref _applied, 0);
    }

    private void ApplyAll()
    {
        while (_database!.Position < _journal.Durable && !_stop.IsCancellationRequested)
        {
            _database.ApplyBatch(_journal, _options.BatchRecordsMax, OnSkipped);
            Volatile.Write(ref _applied, _database.Position.Value);
            Wake(position => position <= _applied ? null : StillWaiting);
        }
    }

    private async Task PauseAsync()
    {
        try
        {
            await Task.Delay(_options.RetryDelay, _stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private void OpenDatabase()
    {
        if (!Exists(_path))
        {
            LogMissing(_path);
            Recreate();
            return;
        }

        _database = ProjectionDatabase.TryOpen(_path, _tables, _journal, out var whyNot);
        if (_database is null)
        {
            LogRebuild(_path, whyNot!);
            Recreate();
            return;
        }

        Volatile.Write(ref _applied, _database.Position.Value);
    }

    private void Recreate()
    {
        ForgetReaders();
        foreach (var suffix in new[] { "", "-wal", "-shm" })
        {
            Delete(_path + suffix);
        }

        _database = ProjectionDatabase.Create(_path, _tables);
    }

    private SqliteConnection Reader() =>
        new(new SqliteConnectionStringBuilder { DataSource = _path, Mode = SqliteOpenMode.ReadOnly, Pooling = true }.ToString());

    /// <summary>Closes pooled readers: they would go on reading a file that is no longer there.</summary>
    private void ForgetReaders()
    {
        using var connection = Reader();
        SqliteConnection.ClearPool(connection);
    }

    private void OnSkipped(string part, JournalPosition position, Exception error)
    {
        Interlocked.Increment(ref _skipped);
        LogSkipped(part, position.Value, error);
    }

    private static readonly Exception StillWaiting = new InvalidOperationException("not yet");

    /// <summary>Completes waiters: with null well, with an exception badly, with <see cref="StillWaiting"/> not now.</summary>
    private void Wake(Func<long, Exception?> verdict)
    {
        lock (_gate)
        {
            for (var i = _waiting.Count - 1; i >= 0; i--)
            {
                var (position, source) = _waiting[i];
                var error = verdict(position);
                if (ReferenceEquals(error, StillWaiting))
                {
                    continue;
                }

                _waiting.RemoveAt(i);
                _ = error is null ? source.TrySetResult() : source.TrySetException(error);
            }
        }
    }

    /// <summary>SQLITE_CORRUPT and SQLITE_NOTADB (sqlite.org/rescode.html).</summary>
    private static bool IsDamage(SqliteException e) => e.SqliteErrorCode is 11 or 26;

#pragma warning disable RS0030 // SQLite does its own I/O beside IDisk; what a crash does to this file is repaired by rebuilding it.
    private static bool Exists(string path) => File.Exists(path);

    private static void Delete(string path) => File.Delete(path);
#pragma warning restore RS0030

    [LoggerMessage(Level = LogLevel.Information, Message = "{Path} is missing: rebuilding it from the journal")]
    private partial void LogMissing(string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path} is rebuilt from the journal: {Reason}")]
    private partial void LogRebuild(string path, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Path} cannot be written: {Reason}; trying again in {Delay}")]
    private partial void LogTrouble(string path, string reason, TimeSpan delay);

    [LoggerMessage(Level = LogLevel.Error, Message = "The projection stopped: the journal cannot be read")]
    private partial void LogStopped(Exception error);

    [LoggerMessage(Level = LogLevel.Error, Message = "Projection part {Part} could not read record {Position}; its tables go on without it")]
    private partial void LogSkipped(string part, long position, Exception error);
}
