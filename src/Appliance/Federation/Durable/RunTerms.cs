using System.Buffers;
using System.Collections.Concurrent;
using System.Text.Json;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>The runs that this box owns: begins a term, carries the run through it, ends it. Thread-safe.</summary>
internal sealed class RunTerms(DurableRooms rooms, IRunReplicas replicas, ReplicaBlobs blobs, DurableOptions options) : IDisposable
{
    private readonly ConcurrentDictionary<string, Term> _held = new();
    private readonly ConcurrentDictionary<string, long> _notBefore = new();
    private readonly CancellationTokenSource _end = new();

    public bool HasRoom => _held.Count < options.RunsAtOnce;

    public bool Holds(string runId) => _held.ContainsKey(runId);

    public RunRecord? RecordOf(string runId) => _held.TryGetValue(runId, out var term) ? term.Keeper.Record : null;

    /// <summary>Completes when the run's term here has ended.</summary>
    public Task EndOf(string runId) => _held.TryGetValue(runId, out var term) ? term.Ended : Task.CompletedTask;

    /// <summary>Whether this box should keep its hands off a run for a while, since it could not go on with it.</summary>
    public bool MustWait(string runId) => _notBefore.TryGetValue(runId, out var until) && rooms.NowMs < until;

    /// <summary>Writes the record of a run that nobody has yet, with its first event, and begins the first term.</summary>
    /// <returns><see cref="ReplicaStatus.Conflict"/> when somebody has it: it needs no further owner.</returns>
    public async ValueTask<ReplicaAnswer<bool>> CreateAsync(RunRecord record, RunEvent submitted, CancellationToken cancel)
    {
        // Every taker of a submission writes the same first event, so that it does not matter whose lies there.
        ReadOnlyMemory<byte>[] records = [Encode(submitted)];
        var put = await blobs.PutAllAsync([submitted], cancel);
        put = put.IsDone ? await replicas.PutPartAsync(record.Id, record.Epoch, 0, LogPart.Encode(records), cancel) : put;
        if (!put.IsDone)
        {
            return put;
        }

        record = record.With(1, records[0].Length, RunSummary.Fold(null, submitted, 1));
        var begun = rooms.NowMs;
        var (revision, status, text) = await TakeAsync(record, 0, cancel);
        return revision == 0 ? ReplicaAnswer<bool>.Not(status, text) : ReplicaAnswer<bool>.Of(await BeginAsync(record, revision, begun, records, null, isTakeover: false));
    }

    /// <summary>Follows a run's last owner.</summary>
    /// <returns>False when another did, or the run could not be gone on with; the log says why.</returns>
    public async ValueTask<bool> ClaimAsync(RunSight sight, CancellationToken cancel)
    {
        var record = sight.Record.TakenBy(rooms.Self, rooms.Instance);
        var begun = rooms.NowMs;
        var (revision, _, _) = await TakeAsync(record, sight.Revision, cancel);
        if (revision == 0)
        {
            HandsOff(record.Id, TimeSpan.FromSeconds(1));
            return false;
        }

        rooms.Log.LogInformation("Run {Run} goes on here in its term {Epoch}, after {Events} events; its last owner was {Owner}",
            record.Id, record.Epoch, record.Events, sight.Record.Owner.Length == 0 ? "none" : sight.Record.Owner);
        return await BeginAsync(record, revision, begun, null, null, isTakeover: true);
    }

    /// <summary>Takes an ended run up again: <paramref name="retried"/> is its next event.</summary>
    public async ValueTask<bool> RetryAsync(RunSight sight, RunEvent retried, CancellationToken cancel)
    {
        var record = sight.Record.TakenBy(rooms.Self, rooms.Instance);
        record = record with { View = RunSummary.Fold(record.View, retried, record.Events) };
        var begun = rooms.NowMs;
        var (revision, _, _) = await TakeAsync(record, sight.Revision, cancel);
        return revision != 0 && await BeginAsync(record, revision, begun, null, retried, isTakeover: true);
    }

    /// <summary>Gives every run back: steps in progress have a while, then they are cancelled and run again elsewhere.</summary>
    public async Task StopAsync(CancellationToken deadline)
    {
        foreach (var id in _held.Keys)
        {
            rooms.Runs.Park(id, cancel: false);
        }

        var began = rooms.Time.GetTimestamp();
        while (_held.Keys.Any(id => rooms.Runs.StepsInProgress(id) > 0) && rooms.Time.GetElapsedTime(began) < options.StopGrace && !deadline.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), rooms.Time, deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        foreach (var (id, term) in _held)
        {
            rooms.Runs.Park(id, cancel: true);
            term.Keeper.GiveBack();
        }

        await Task.WhenAll(_held.Values.Select(term => term.Ended)).WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _end.CancelAsync();
    }

    /// <summary>Drops everything without a word, as a crash would.</summary>
    public void Abandon() => _end.Cancel();

    public void Dispose() => _end.Dispose();

    /// <summary>An answer that got lost leaves open whether the record was written: then it is read.</summary>
    private async ValueTask<(ulong Revision, ReplicaStatus Status, string Text)> TakeAsync(RunRecord record, ulong expected, CancellationToken cancel)
    {
        record = record with { Write = 1 };
        var written = await replicas.WriteAsync(record.Id, record.Encode(), expected, cancel);
        if (written.IsDone)
        {
            return (written.Value, ReplicaStatus.Done, "");
        }

        if (written.Status is ReplicaStatus.Unknown or ReplicaStatus.Conflict)
        {
            var read = await replicas.ReadAsync(record.Id, cancel);
            var found = read.IsDone ? RunRecord.Decode(record.Id, read.Value.Value) : null;
            if (found is { Write: 1 } && found.Epoch == record.Epoch && found.Owner == rooms.Self && found.Instance == rooms.Instance)
            {
                return (read.Value.Revision, ReplicaStatus.Done, "");
            }
        }

        return (0, written.Status, written.Text);
    }

    private async ValueTask<bool> BeginAsync(RunRecord record, ulong revision, long begunAt, IReadOnlyList<ReadOnlyMemory<byte>>? records, RunEvent? next, bool isTakeover)
    {
        var lease = new OwnerLease(options.Lease, record.Epoch, revision, 1, begunAt);
        var keeper = new RunKeeper(record with { Write = 1 }, lease, replicas, blobs, rooms.Journal, options, rooms.Time, rooms.Log);
        var term = new Term(keeper);
        if (!_held.TryAdd(record.Id, term))
        {
            return false; // a term here that has not quite ended: the record says that it has, and the next look comes
        }

        DurableMetrics.Began(isTakeover);
        _ = CarryAsync(record.Id, term);
        try
        {
            return await AdoptAsync(record, keeper, records, next);
        }
        finally
        {
            term.SetAdopted();
        }
    }

    /// <summary>Keeps the lease until the term ends. Then, before anything else: no step of the run goes on here.</summary>
    private async Task CarryAsync(string runId, Term term)
    {
        var end = TermEnd.Lost;
        try
        {
            end = await term.Keeper.RunAsync(_end.Token);
        }
        catch (Exception e)
        {
            rooms.Log.LogError(e, "Run {Run} cannot be kept any more by an internal error; another box goes on with it", runId);
        }

        if (end != TermEnd.RunEnded)
        {
            rooms.Runs.Leave(runId);
            await term.Adopted; // it may have been about to begin
            rooms.Runs.Leave(runId);
            rooms.Log.LogInformation("Run {Run} is not carried here any more: {End} in its term {Epoch}",
                runId, end == TermEnd.GivenBack ? "given back" : "lost", term.Keeper.Record.Epoch);
        }

        _ = _held.TryRemove(KeyValuePair.Create(runId, term));
        DurableMetrics.Ended(end);
        term.SetEnded();
    }

    private async ValueTask<bool> AdoptAsync(RunRecord record, RunKeeper keeper, IReadOnlyList<ReadOnlyMemory<byte>>? records, RunEvent? next)
    {
        var (events, problem, isFinal) = records is null ? await LoadAsync(record) : (records, "", false);
        problem = record.Epoch > options.OwnersMax ? $"the run had {options.OwnersMax} owners, and went on with none of them" : problem;
        isFinal |= record.Epoch > options.OwnersMax;
        try
        {
            if (problem.Length == 0)
            {
                rooms.Runs.Leave(record.Id); // what is in memory is of an earlier term
                var principal = rooms.PrincipalOf(SubmitterOf(record));
                if (await rooms.Runs.AdoptAsync(record.Id, events, keeper, principal, next, _end.Token))
                {
                    RestateEnded(keeper, events, next);
                    return true;
                }

                problem = "it is in memory already";
            }
        }
        catch (Exception e) when (e is IOException or JsonException or InvalidOperationException or RunLostException or OperationCanceledException)
        {
            problem = e.Message;
        }

        rooms.Log.LogError("Run {Run} cannot go on here: {Reason}", record.Id, problem);
        HandsOff(record.Id, options.TryAgainAfter);
        await (isFinal ? FailAsync(record, keeper, problem) : GiveBackAsync(keeper));
        return false;
    }

    /// <summary>An owner that was to take up an ended run again and died before it said so leaves a record that says it goes on, with a log that has ended.</summary>
    private static void RestateEnded(RunKeeper keeper, IReadOnlyList<ReadOnlyMemory<byte>> records, RunEvent? next)
    {
        if (next is null && RunEventCodec.Read(records[^1].Span).Type == RunEventType.Finished)
        {
            RunView? view = null;
            for (var i = 0; i < records.Count; i++)
            {
                view = RunSummary.Fold(view, RunEventCodec.Read(records[i].Span), i + 1);
            }

            keeper.Restate(view!);
        }
    }

    private static ValueTask GiveBackAsync(RunKeeper keeper)
    {
        keeper.GiveBack();
        return ValueTask.CompletedTask;
    }

    /// <summary>No box can go on with it: it ends, and says why.</summary>
    private async ValueTask FailAsync(RunRecord record, RunKeeper keeper, string problem)
    {
        var finished = new RunEvent
        {
            Type = RunEventType.Finished,
            RunId = record.Id,
            At = rooms.Time.GetUtcNow(),
            RunState = RunStateName.Failed,
            Message = "the run cannot go on: " + problem,
        };
        try
        {
            await keeper.EndAsync(finished, Encode(finished));
        }
        catch (RunLostException)
        {
            // Another box has it, and will see for itself.
        }
    }

    /// <returns>The records; or why there are none, and whether any box would find them.</returns>
    private async ValueTask<(IReadOnlyList<ReadOnlyMemory<byte>> Records, string Problem, bool IsFinal)> LoadAsync(RunRecord record)
    {
        var read = await replicas.ReadPartsAsync(record.Id, record.Parts, 0, _end.Token);
        if (!read.IsDone)
        {
            return ([], read.Text, read.Status == ReplicaStatus.Missing);
        }

        try
        {
            List<ReadOnlyMemory<byte>> records = [.. read.Value.SelectMany(LogPart.Decode)];
            var got = await blobs.GetAllAsync(records.Select(item => RunEventCodec.Read(item.Span)), _end.Token);
            return (records, got.IsDone ? "" : got.Text, got.Status == ReplicaStatus.Missing);
        }
        catch (JsonException e)
        {
            return ([], e.Message, false); // of a later version, perhaps
        }
    }

    private void HandsOff(string runId, TimeSpan time)
    {
        foreach (var (id, until) in _notBefore)
        {
            if (until < rooms.NowMs)
            {
                _ = _notBefore.TryRemove(id, out _);
            }
        }

        _notBefore[runId] = rooms.NowMs + (long)time.TotalMilliseconds;
    }

    public static Submitter SubmitterOf(RunRecord record) => new(record.Origin, record.Principal, record.View.User, record.Team, record.Organisation);

    private static byte[] Encode(RunEvent item)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        RunEventCodec.Write(buffer, item);
        return buffer.WrittenSpan.ToArray();
    }

    private sealed class Term(RunKeeper keeper)
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _adopted = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Completes when the run is in memory, or will not be.</summary>
        public Task Adopted => _adopted.Task;

        public void SetAdopted() => _adopted.SetResult();

        public RunKeeper Keeper => keeper;
        public Task Ended => _ended.Task;

        public void SetEnded() => _ended.SetResult();
    }
}
