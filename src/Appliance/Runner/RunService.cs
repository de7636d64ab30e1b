using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Runner.Workflows;
using Jesus.Appliance.Security;
using Jesus.Appliance.Storage.Journal;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Runner;

/// <summary>The runs of the box: accepts, recovers, finds, steers. See <see cref="IRunService"/>.</summary>
public sealed class RunService : IRunService, IDisposable
{
    /// <summary>Characters of a note to an approval: a sentence or two, not a document.</summary>
    private const int NoteMax = 2_000;

    private const string NotFederated =
        "this box is in no federation that keeps runs: set federation.nats.urls and \"durable\": true in the section federation, or submit without --anywhere";

    private readonly RunnerRooms _rooms;
    private readonly RunnerOptions _options;
    private readonly RunTable _table;
    private readonly RunEventLog _log;
    private readonly WorkflowCache _workflows;
    private volatile bool _stopping;

    public RunService(RunnerRooms rooms, RunnerOptions options)
    {
        (_rooms, _options) = (rooms, options);
        _table = new RunTable(options);
        _log = new RunEventLog(rooms.Journal, rooms.Blobs, options.InlineBytes);
        _workflows = new WorkflowCache(rooms.Blobs, rooms.Tools);
    }

    /// <summary>Takes up every run that had not ended when the daemon last stopped.</summary>
    /// <returns>How many.</returns>
    public async ValueTask<int> RecoverAsync(CancellationToken cancel)
    {
        var count = 0;
        foreach (var id in await _rooms.History.UnfinishedAsync(cancel))
        {
            try
            {
                // One submitted since the start is in memory already; one that runs anywhere may be another box's by now.
                count += _table.Find(id) is null && await LoadAsync(id, cancel) is { } driver && TakeUp(driver) ? 1 : 0;
            }
            catch (Exception e) when (e is IOException or JsonException)
            {
                _rooms.Log.LogError("Run {Run} cannot go on: {Reason}", id, e.Message);
            }
        }

        return count;
    }

    /// <summary>Starts nothing new, waits a bounded time for steps in progress, then cancels them; they run again after the next start.</summary>
    public async Task StopAsync()
    {
        _stopping = true;
        await RunStop.StopAsync(_table.All(), _options.StopGrace, _rooms.Time);
    }

    public void Dispose()
    {
        foreach (var driver in _table.All())
        {
            driver.Dispose();
        }
    }

    public async ValueTask<SubmitResult> SubmitAsync(RunSubmission submission, Principal principal, CancellationToken cancel)
    {
        if (submission.Anywhere)
        {
            return SubmitResult.Refused(SubmitRefusal.NotFederated, NotFederated);
        }

        if (Refusal(principal) is { } refusal)
        {
            return refusal;
        }

        try
        {
            var (submitted, result) = Check(submission, principal);
            return submitted is null ? result : SubmitResult.Of(await BeginAsync(submitted));
        }
        catch (IOException e)
        {
            return SubmitResult.Refused(SubmitRefusal.StoreFull, $"the run could not be stored: {e.Message}");
        }
    }

    /// <summary>Whether the run is in memory: at work, waiting, or ended not long ago.</summary>
    internal bool Holds(string runId) => _table.Find(runId) is not null;

    /// <summary>Steps of a run that an executor works on; 0 when it is not in memory.</summary>
    internal int StepsInProgress(string runId) => _table.Find(runId)?.InProgress ?? 0;

    /// <summary>A run from the records of another box, as far as they go. Its payloads must be in this box's store.</summary>
    /// <exception cref="IOException">A payload is missing, or this version no longer accepts the workflow.</exception>
    /// <exception cref="JsonException">A record is none of the runner's.</exception>
    internal (RunMachine Machine, IReadOnlyList<StoredRunEvent> Events) Fold(string runId, IReadOnlyList<ReadOnlyMemory<byte>> records, Principal? principal = null)
    {
        StoredRunEvent[] events = [.. records.Select((record, i) => new StoredRunEvent(i + 1, Resolve(record)))];
        if (principal is not null && events is [{ Event.Submitted: { } submitted } first, ..])
        {
            events[0] = first with { Event = first.Event with { Submitted = submitted with { Principal = principal } } };
        }

        return (MachineOf(runId, events), events);
    }

    /// <summary>The event as a record carries it: large payloads in this box's store, named by their hash.</summary>
    /// <exception cref="IOException">The store is full.</exception>
    internal RunEvent Slim(RunEvent item) => _log.Slim(item);

    /// <exception cref="IOException">A file is missing, or this version no longer accepts it.</exception>
    internal Workflow WorkflowOf(RunEvent submitted) => _workflows.Of(submitted.Submitted!);

    /// <exception cref="IOException">A payload is missing.</exception>
    internal RunEvent Resolve(ReadOnlyMemory<byte> record) => _log.Resolve(RunEventCodec.Read(record.Span));

    /// <summary>
    /// Goes on with a run that this box owns from now on: what its own journal lacks of the records is written there first, so that it always holds a beginning of
    /// the run. What happens from then on is committed through <paramref name="journal"/>, which gives each event its place in the run.
    /// </summary>
    /// <param name="principal">As whom it goes on here; null for as whom it was begun.</param>
    /// <param name="next">An event to begin with; null for none.</param>
    /// <returns>False when the run is in memory already.</returns>
    /// <exception cref="IOException">A payload is missing, or this version no longer accepts the workflow.</exception>
    internal async ValueTask<bool> AdoptAsync(
        string runId, IReadOnlyList<ReadOnlyMemory<byte>> records, IJournal journal, Principal? principal, RunEvent? next, CancellationToken cancel)
    {
        var (machine, events) = Fold(runId, records, principal);
        for (var i = (await _rooms.History.ReadAsync(runId, cancel)).Count; i < records.Count; i++)
        {
            _ = await _rooms.Journal.AppendAsync(RunEventLog.KindOf(events[i].Event), records[i]);
        }

        // What it spent here in an earlier term is in the records as well.
        _rooms.RunEnded(runId);
        var spent = new RunSpending(machine.CostMicroUsd, machine.TokensIn + machine.TokensOut);
        var driver = NewDriver(_rooms with { Journal = journal, SpentElsewhere = spent }, machine, events);
        if (next is not null)
        {
            await driver.CommitAsync(next);
        }

        return Keep(driver);
    }

    /// <summary>Starts no further step of a run and, where asked, cancels those in progress: nothing of them is committed.</summary>
    internal void Park(string runId, bool cancel) => _table.Find(runId)?.Park(cancel);

    /// <summary>The run is no longer this box's: it leaves memory.</summary>
    internal void Leave(string runId)
    {
        if (_table.Find(runId) is { } driver)
        {
            driver.Park(cancel: true);
            _table.Remove(driver);
            Drop(driver);
        }
    }

    /// <summary>Completes when the run's end is durable.</summary>
    /// <returns>False when there is no such run.</returns>
    public async ValueTask<bool> WaitForEndAsync(string runId, CancellationToken cancel)
    {
        if (_table.Find(runId) is not { } driver)
        {
            return (await _rooms.History.ReadAsync(runId, cancel)).Count > 0; // what is not in memory has ended
        }

        await driver.Ended.WaitAsync(cancel);
        return true;
    }

    public async ValueTask<RunView?> GetAsync(string runId, Principal principal, CancellationToken cancel) => (await VisibleAsync(runId, principal, cancel))?.View();

    public async ValueTask<RunPage> ListAsync(RunFilter filter, Principal principal, CancellationToken cancel)
    {
        var limit = Math.Clamp(filter.Limit, 1, 200);
        var user = principal.May(Roles.Admin) ? null : principal.User;
        var live = _table.All().Select(driver => driver.View(withSteps: false)).Where(view => Matches(view, filter, user));
        var stored = await _rooms.History.ListAsync(filter with { Limit = limit + 1 }, user, cancel);

        // The state in memory is newer than the stored one.
        var older = stored.Where(view => _table.Find(view.Id) is null);
        RunView[] runs = [.. live.Concat(older).OrderByDescending(view => view.Id, StringComparer.Ordinal).Take(limit + 1)];
        return runs.Length > limit ? new RunPage(runs[..limit], runs[limit - 1].Id) : new RunPage(runs, "");
    }

    public async ValueTask<IAsyncEnumerable<RunEventView>?> WatchAsync(string runId, long afterSequence, Principal principal, CancellationToken cancel) =>
        (await VisibleAsync(runId, principal, cancel))?.Watchers.WatchAsync(afterSequence, cancel);

    public async ValueTask<RunReply> CancelAsync(string runId, Principal principal, CancellationToken cancel)
    {
        var (driver, refusal) = await SteerAsync(runId, principal, cancel);
        if (driver is null)
        {
            return refusal!;
        }

        if (driver.State is RunStateName.Succeeded or RunStateName.Failed)
        {
            return Wrong($"run {runId} has already {RunEventCodec.NameOf(driver.State)}");
        }

        if (driver.Look(machine => machine.Cancelling is null))
        {
            await driver.CancelAsync(principal.Id);
            driver.Start(); // one that queues is ended at once
        }

        return new RunReply(RunReplyCode.Done, "", driver.View());
    }

    public async ValueTask<RunReply> RetryAsync(string runId, Principal principal, CancellationToken cancel)
    {
        var (driver, refusal) = await SteerAsync(runId, principal, cancel);
        if (driver is null)
        {
            return refusal!;
        }

        if (driver.State is not (RunStateName.Failed or RunStateName.Cancelled))
        {
            return Wrong($"run {runId} is {RunEventCodec.NameOf(driver.State)}: only a failed or cancelled run can be retried");
        }

        if (_rooms.FilesKept > TimeSpan.Zero && driver.Look(machine => machine.End?.At) < _rooms.Time.GetUtcNow() - _rooms.FilesKept)
        {
            return Wrong($"run {runId} ended more than {_rooms.FilesKept.TotalDays:N0} days ago (artifacts.retentionDays), and its files are gone: submit it again");
        }

        if (driver.IsAnywhere)
        {
            return Wrong($"run {runId} runs anywhere in the federation, which this box is not in now: set federation.nats.urls and federation.durable");
        }

        // A driver of its own: the old one's cancellation stays with the old steps. Of two at once the second finds none to take.
        if (!_table.TryTake(driver))
        {
            return Wrong($"run {runId} is being retried already");
        }

        Drop(driver);
        var again = (await LoadAsync(runId, CancellationToken.None))!;
        await again.CommitAsync(new RunEvent { Type = RunEventType.Retried, RunId = runId, At = _rooms.Time.GetUtcNow(), By = principal.Id });
        _ = Keep(again);
        return new RunReply(RunReplyCode.Done, "", again.View());
    }

    public async ValueTask<RunReply> ApproveAsync(string runId, string stepPath, bool approved, string note, Principal principal, CancellationToken cancel)
    {
        var (driver, refusal) = await SteerAsync(runId, principal, cancel);
        if (driver is null)
        {
            return refusal!;
        }

        if (note.Length > NoteMax)
        {
            return Wrong($"the note has {note.Length:N0} characters; at most {NoteMax:N0} are kept");
        }

        var waiting = driver.Look(machine => RunMachine.Walk(machine.Root).Where(node => node is { State: StepStateName.Waiting, Spec.Kind: StepKind.Approve }).ToList());
        var node = stepPath.Length > 0 ? waiting.Find(step => step.Path == stepPath) : waiting.Count == 1 ? waiting[0] : null;
        if (node is null || !await driver.AnswerAsync(node, approved, note, principal.Id))
        {
            var names = string.Join(", ", waiting.Select(step => step.Path));
            return Wrong(waiting.Count == 0 ? $"run {runId} waits for no approval" : $"run {runId} waits for an answer to {names}: name one of them");
        }

        return new RunReply(RunReplyCode.Done, "", driver.View());
    }

    public async ValueTask<RunExplanation?> ExplainAsync(string runId, Principal principal, CancellationToken cancel)
    {
        var driver = await VisibleAsync(runId, principal, cancel);
        return driver?.Look(machine => Explainer.Explain(machine, driver.State, _table.PlaceOf(driver), _rooms.Time.GetUtcNow()));
    }

    public async ValueTask<RunItems?> ItemsAsync(string runId, string mapStep, Principal principal, CancellationToken cancel) =>
        (await VisibleAsync(runId, principal, cancel))?.Look(machine => RunViews.Items(machine, mapStep));

    public async ValueTask<IReadOnlyList<ArtifactView>?> ArtifactsAsync(string runId, Principal principal, CancellationToken cancel) =>
        (await VisibleAsync(runId, principal, cancel))?.Look(RunViews.Artifacts);

    public async ValueTask<ArtifactContent?> OpenArtifactAsync(string runId, string name, Principal principal, CancellationToken cancel)
    {
        var artifact = (await VisibleAsync(runId, principal, cancel))?.Look(RunViews.Artifacts).LastOrDefault(item => item.Name == name);
        return artifact is not null && _rooms.Blobs.Read(artifact.Sha256) is { } bytes ? new ArtifactContent(artifact, bytes) : null;
    }

    private SubmitResult? Refusal(Principal principal) =>
        _stopping ? SubmitResult.Refused(SubmitRefusal.Stopping, "the daemon is stopping; submit again when it is back")
        : !principal.May(Roles.Runs) ? SubmitResult.Refused(SubmitRefusal.NotAllowed, $"{principal.Id} may not start runs: its key needs the role 'runs'")
        : !_table.HasRoom ? SubmitResult.Refused(SubmitRefusal.Busy, $"{_options.QueueMax:N0} runs wait already; submit again later, or raise runner.queueMax")
        : null;

    /// <summary>The submission as its run's first event carries it, under an id of its own; or why it is refused.</summary>
    /// <exception cref="IOException">The store is full.</exception>
    internal (RunEvent? Submitted, SubmitResult Result) Check(RunSubmission submission, Principal principal)
    {
        var cached = _workflows.Of(submission);
        if (cached.Workflow is not { } workflow)
        {
            return (null, SubmitResult.Invalid(cached.Errors));
        }

        var errors = new List<WorkflowError>();
        var inputs = InputValues.Resolve(workflow, submission.Inputs, submission.FileName, errors);
        if (errors.Count > 0)
        {
            return (null, SubmitResult.Invalid(errors));
        }

        var values = JsonValues.Build(inputs, static (writer, members) =>
        {
            writer.WriteStartObject();
            foreach (var (name, value) in members)
            {
                writer.WritePropertyName(name);
                value.WriteTo(writer);
            }

            writer.WriteEndObject();
        });
        return (new RunEvent
        {
            Type = RunEventType.Submitted,
            RunId = RunIds.New(_rooms.Time),
            At = _rooms.Time.GetUtcNow(),
            Submitted = new SubmittedRun(workflow.Name, submission.FileName, cached.Hash, cached.Files, values, principal) { Anywhere = submission.Anywhere },
        }, new SubmitResult());
    }

    private async ValueTask<string> BeginAsync(RunEvent submitted)
    {
        var position = await _log.AppendAsync(_log.Slim(submitted));
        var machine = new RunMachine(submitted.RunId, _workflows.Of(submitted.Submitted!), submitted, _options.StepsAtOnce);
        _ = Keep(NewDriver(_rooms, machine, [new StoredRunEvent(position.Value, submitted)]));
        return submitted.RunId;
    }

    /// <summary>Takes the run into memory and lets it progress.</summary>
    /// <returns>False when it is there already: the recovery and its submission met.</returns>
    private bool Keep(RunDriver driver)
    {
        if (_table.TryAdd(driver))
        {
            return true;
        }

        Drop(driver);
        return false;
    }

    private bool TakeUp(RunDriver driver)
    {
        if (!driver.IsAnywhere)
        {
            return Keep(driver);
        }

        Drop(driver);
        return false;
    }

    private static void Drop(RunDriver driver)
    {
        RunnerMetrics.Moved(driver.State, null);
        driver.Dispose();
    }

    private RunDriver NewDriver(RunnerRooms rooms, RunMachine machine, IReadOnlyList<StoredRunEvent> history)
    {
        var driver = new RunDriver(rooms, _options, machine, history, OnMoved);
        RunnerMetrics.Moved(null, driver.State);
        return driver;
    }

    private void OnMoved(RunDriver driver, RunStateName from, RunStateName to)
    {
        RunnerMetrics.Moved(from, to);
        if (to is RunStateName.Succeeded or RunStateName.Failed or RunStateName.Cancelled)
        {
            RunnerMetrics.Ended(driver.Look(machine => (machine.End!.At - machine.SubmittedAt).TotalSeconds));
        }

        foreach (var gone in _table.Moved(driver, from, to))
        {
            RunnerMetrics.Moved(gone.State, null);
            gone.Dispose();
        }
    }

    /// <summary>A run from the disk, not started; null when there is none.</summary>
    /// <exception cref="IOException">A payload is missing.</exception>
    private async ValueTask<RunDriver?> LoadAsync(string runId, CancellationToken cancel)
    {
        StoredRunEvent[] events = [.. (await _rooms.History.ReadAsync(runId, cancel)).Select(stored => stored with { Event = _log.Resolve(stored.Event) })];
        if (events.Length == 0)
        {
            return null;
        }

        var isAnywhere = events[0].Event.Submitted!.Anywhere;
        return NewDriver(_rooms, MachineOf(runId, events), isAnywhere ? [.. events.Select((stored, i) => stored with { Sequence = i + 1 })] : events);
    }

    private RunMachine MachineOf(string runId, StoredRunEvent[] events)
    {
        var machine = new RunMachine(runId, _workflows.Of(events[0].Event.Submitted!), events[0].Event, _options.StepsAtOnce);
        for (var i = 1; i < events.Length; i++)
        {
            machine.Apply(events[i].Event);
        }

        return machine;
    }


    /// <summary>The run from memory, or read back for this one question.</summary>
    private async ValueTask<RunDriver?> VisibleAsync(string runId, Principal principal, CancellationToken cancel)
    {
        var driver = _table.Find(runId);
        if (driver is null)
        {
            try
            {
                driver = await LoadAsync(runId, cancel);
            }
            catch (Exception e) when (e is IOException or JsonException)
            {
                _rooms.Log.LogError("Run {Run} cannot be read: {Reason}", runId, e.Message);
                return null;
            }

            // It is shown, not kept: nothing counts it.
            RunnerMetrics.Moved(driver?.State, null);
        }

        return driver is not null && (principal.May(Roles.Admin) || driver.Look(machine => machine.Submission.Principal.User == principal.User)) ? driver : null;
    }

    /// <returns>The run, or why it cannot be steered.</returns>
    private async ValueTask<(RunDriver? Driver, RunReply? Refusal)> SteerAsync(string runId, Principal principal, CancellationToken cancel)
    {
        if (await VisibleAsync(runId, principal, cancel) is not { } driver)
        {
            return (null, new RunReply(RunReplyCode.NotFound, $"there is no run {runId}", null));
        }

        if (_table.Find(runId) is null && driver.Look(machine => machine.End is null))
        {
            return (null, Wrong($"run {runId} is being taken up after a restart; try again in a moment"));
        }

        return principal.May(Roles.Runs)
            ? (driver, null)
            : (null, new RunReply(RunReplyCode.NotAllowed, $"{principal.Id} may not steer runs: its key needs the role 'runs'", null));
    }

    private static RunReply Wrong(string message) => new(RunReplyCode.WrongState, message, null);

    private static bool Matches(RunView view, RunFilter filter, string? user) =>
        (user is null || view.User == user)
        && (filter.State is null || view.State == filter.State)
        && (filter.Workflow.Length == 0 || view.Workflow == filter.Workflow)
        && (filter.Before.Length == 0 || string.CompareOrdinal(view.Id, filter.Before) < 0);
}
