using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Storage.Projection;
using Microsoft.Data.Sqlite;

namespace Jesus.Appliance.Runner;

/// <summary>The runs from <c>jesus.db</c> (<see cref="RunsTable"/>). Every question first waits until what is durable now is in the tables.</summary>
public sealed class ProjectionHistory(SqliteProjection projection, IJournal journal) : IRunHistory
{
    public async ValueTask<IReadOnlyList<string>> UnfinishedAsync(CancellationToken cancel)
    {
        using var connection = await OpenAsync(cancel);
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT id FROM runs WHERE finished IS NULL ORDER BY id";
        using var rows = command.ExecuteReader();
        var ids = new List<string>();
        while (rows.Read())
        {
            ids.Add(rows.GetString(0));
        }

        return ids;
    }

    public async ValueTask<IReadOnlyList<StoredRunEvent>> ReadAsync(string runId, CancellationToken cancel)
    {
        using var connection = await OpenAsync(cancel);
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT position, payload FROM run_events WHERE run = $run ORDER BY position";
        _ = command.Parameters.AddWithValue("$run", runId);
        using var rows = command.ExecuteReader();
        var events = new List<StoredRunEvent>();
        while (rows.Read())
        {
            events.Add(new StoredRunEvent(rows.GetInt64(0), RunEventCodec.Read(rows.GetFieldValue<byte[]>(1))));
        }

        return events;
    }

    public async ValueTask<IReadOnlyList<RunView>> ListAsync(RunFilter filter, string? user, CancellationToken cancel)
    {
        using var connection = await OpenAsync(cancel);
        using var command = connection.CreateCommand();
        command.CommandText = """
            SELECT id, workflow, state, user, submitted, finished, last, tokens_in, tokens_out, cost, error, budget, sequence, estimated FROM runs
            WHERE ($user IS NULL OR user = $user) AND ($state IS NULL OR state = $state) AND ($workflow = '' OR workflow = $workflow) AND ($before = '' OR id < $before)
            ORDER BY id DESC LIMIT $limit
            """;
        _ = command.Parameters.AddWithValue("$user", (object?)user ?? DBNull.Value);
        _ = command.Parameters.AddWithValue("$state", filter.State is { } state ? (int)state : DBNull.Value);
        _ = command.Parameters.AddWithValue("$workflow", filter.Workflow);
        _ = command.Parameters.AddWithValue("$before", filter.Before);
        _ = command.Parameters.AddWithValue("$limit", filter.Limit);
        using var rows = command.ExecuteReader();
        var runs = new List<RunView>();
        while (rows.Read())
        {
            runs.Add(Row(rows));
        }

        return runs;
    }

    private async ValueTask<SqliteConnection> OpenAsync(CancellationToken cancel)
    {
        await projection.CatchUpAsync(journal.Durable, cancel);
        return projection.OpenReader();
    }

    private static RunView Row(SqliteDataReader row)
    {
        var submitted = new DateTimeOffset(row.GetInt64(4), TimeSpan.Zero);
        return new RunView
        {
            Id = row.GetString(0),
            Workflow = row.GetString(1),
            State = (RunStateName)row.GetInt32(2),
            User = row.GetString(3),
            SubmittedAt = submitted,
            FinishedAt = row.IsDBNull(5) ? null : new DateTimeOffset(row.GetInt64(5), TimeSpan.Zero),
            Seconds = Math.Round((new DateTimeOffset(row.GetInt64(6), TimeSpan.Zero) - submitted).TotalSeconds, 3),
            TokensIn = row.GetInt64(7),
            TokensOut = row.GetInt64(8),
            CostMicroUsd = row.GetInt64(9),
            CostIsEstimated = row.GetInt64(13) != 0,
            Error = row.IsDBNull(10) ? null : row.GetString(10),
            RefusedByBudget = row.GetInt64(11) != 0,
            Sequence = row.GetInt64(12),
        };
    }
}
