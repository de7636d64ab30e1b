using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Storage.Projection;
using Microsoft.Data.Sqlite;

namespace Jesus.Appliance.Runner;

/// <summary>
/// The runs in <c>jesus.db</c>: a row a run for lists, every event by run, so that one run is read without reading the journal, and the artifacts that each
/// run names.
/// </summary>
public sealed class RunsTable : IProjectionTable
{
    private static readonly JournalKind[] Wanted = [JournalKind.RunEvent, JournalKind.ToolIntent];

    public string Name => "runs";

    public int SchemaVersion => 2;

    public string Ddl => """
        CREATE TABLE runs(
            id TEXT NOT NULL PRIMARY KEY, workflow TEXT NOT NULL, state INTEGER NOT NULL, user TEXT NOT NULL, submitted INTEGER NOT NULL, finished INTEGER,
            last INTEGER NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, cost INTEGER NOT NULL, error TEXT, budget INTEGER NOT NULL,
            sequence INTEGER NOT NULL, estimated INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX runs_by_user ON runs(user, id);
        CREATE INDEX runs_open ON runs(id) WHERE finished IS NULL;
        CREATE TABLE run_blobs(run TEXT NOT NULL, hash BLOB NOT NULL, own INTEGER NOT NULL, PRIMARY KEY(run, hash)) WITHOUT ROWID;
        CREATE TABLE run_events(run TEXT NOT NULL, position INTEGER NOT NULL, payload BLOB NOT NULL, PRIMARY KEY(run, position)) WITHOUT ROWID;
        """;

    public ReadOnlySpan<JournalKind> Kinds => Wanted;

    public IProjectionApplier Prepare(SqliteConnection connection) => new Applier(connection);

    private sealed class Applier : IProjectionApplier
    {
        private readonly SqliteCommand _event;
        private readonly SqliteCommand _blob;
        private readonly SqliteCommand _begin;
        private readonly SqliteCommand _change;

        public Applier(SqliteConnection connection)
        {
            _event = New(connection, "INSERT OR REPLACE INTO run_events(run, position, payload) VALUES ($run, $position, $payload)", "$run", "$position", "$payload");
            _blob = New(
                connection,
                "INSERT INTO run_blobs(run, hash, own) VALUES ($run, $hash, $own) ON CONFLICT(run, hash) DO UPDATE SET own = MAX(own, excluded.own)",
                "$run", "$hash", "$own");
            _begin = New(
                connection,
                """
                INSERT OR REPLACE INTO runs(id, workflow, state, user, submitted, last, tokens_in, tokens_out, cost, budget, sequence, estimated)
                VALUES ($run, $workflow, $state, $user, $at, $at, 0, 0, 0, 0, $position, 0)
                """,
                "$run", "$workflow", "$state", "$user", "$at", "$position");
            _change = New(
                connection,
                """
                UPDATE runs SET state = $state, finished = $finished, last = $at, tokens_in = tokens_in + $in, tokens_out = tokens_out + $out, cost = cost + $cost,
                    error = $error, budget = $budget, sequence = $position, estimated = MAX(estimated, $estimated) WHERE id = $run
                """,
                "$run", "$state", "$finished", "$at", "$in", "$out", "$cost", "$error", "$budget", "$position", "$estimated");
        }

        public void Apply(in JournalRecord record)
        {
            var item = RunEventCodec.Read(record.Payload.Span);
            Run(_event, item.RunId, record.Position.Value, record.Payload.ToArray());
            HashScan.Find(record.Payload.Span, hash => Run(_blob, item.RunId, Convert.FromHexString(hash), IsOwn(item, hash) ? 1 : 0));
            if (item.Submitted is { } submitted)
            {
                Run(_begin, item.RunId, submitted.WorkflowName, (int)RunStateName.Queued, submitted.Principal.User, item.At.UtcTicks, record.Position.Value);
                return;
            }

            var ended = item.Type == RunEventType.Finished;
            Run(
                _change,
                item.RunId,
                (int)(ended ? item.RunState : RunStateName.Running),
                ended ? item.At.UtcTicks : null,
                item.At.UtcTicks,
                item.TokensIn,
                item.TokensOut,
                item.CostMicroUsd,
                ended && item.RunState == RunStateName.Failed ? item.Message : null,
                ended && item.RefusedByBudget ? 1 : 0,
                record.Position.Value,
                item.Estimated ? 1 : 0);
        }

        public void Dispose()
        {
            _event.Dispose();
            _blob.Dispose();
            _begin.Dispose();
            _change.Dispose();
        }

        /// <summary>Part of the run's record, without which the run cannot be read.</summary>
        private static bool IsOwn(RunEvent item, string hash) => hash == item.OutputHash
            || (item.Submitted is { } run && (hash == run.WorkflowHash || hash == run.InputsHash || run.Files.Values.Contains(hash)));

        private static SqliteCommand New(SqliteConnection connection, string sql, params ReadOnlySpan<string> parameters)
        {
            var command = connection.CreateCommand();
            command.CommandText = sql;
            foreach (var name in parameters)
            {
                _ = command.Parameters.AddWithValue(name, DBNull.Value);
            }

            command.Prepare();
            return command;
        }

        private static void Run(SqliteCommand command, params ReadOnlySpan<object?> values)
        {
            for (var i = 0; i < values.Length; i++)
            {
                command.Parameters[i].Value = values[i] ?? DBNull.Value;
            }

            _ = command.ExecuteNonQuery();
        }
    }
}
