using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Security;
using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>
/// The runs of this box and those that run anywhere as one: a run is shown and steered from whichever box is asked, wherever it is carried. What belongs to this box
/// alone goes to its runner.
/// </summary>
public sealed class FederatedRuns : IRunService
{
    /// <summary>Submissions remembered until a box has taken them; older ones are shown once they are taken.</summary>
    private const int SubmittedMax = 10_000;

    private readonly DurableRooms _rooms;
    private readonly DurableOptions _options;
    private readonly DurableRuns _durable;
    private readonly RunShadows _shadows;
    private readonly ConcurrentDictionary<string, RunView> _submitted = new();
    private int _outbox;

    internal FederatedRuns(DurableRooms rooms, DurableRuns durable, DurableOptions options)
    {
        (_rooms, _durable, _options) = (rooms, durable, options);
        _shadows = new RunShadows(rooms, durable, options);
        durable.Changed += runId => _submitted.TryRemove(runId, out _);
    }

    private RunService Own => _rooms.Runs;

    public ValueTask<SubmitResult> SubmitAsync(RunSubmission submission, Principal principal, CancellationToken cancel) =>
        submission.Anywhere ? SubmitAnywhereAsync(submission, principal, cancel) : Own.SubmitAsync(submission, principal, cancel);

    public async ValueTask<RunView?> GetAsync(string runId, Principal principal, CancellationToken cancel)
    {
        if (!IsShadow(runId))
        {
            return At(await Own.GetAsync(runId, principal, cancel), runId);
        }

        if (Visible(runId, principal) is not { } view)
        {
            return null;
        }

        var shown = await ShadowAsync(runId, (machine, sequence) => RunViews.Of(machine, StateOf(machine), sequence, _rooms.Time.GetUtcNow()), cancel);
        return shown is null ? view : shown with { Box = view.Box };
    }

    public async ValueTask<RunPage> ListAsync(RunFilter filter, Principal principal, CancellationToken cancel)
    {
        var limit = Math.Clamp(filter.Limit, 1, 200);
        var own = await Own.ListAsync(filter with { Limit = limit }, principal, cancel);
        var elsewhere = _durable.All.Select(sight => sight.Record.Id).Concat(_submitted.Keys).Where(IsShadow).Distinct()
            .Select(id => Visible(id, principal)).OfType<RunView>().Where(view => Matches(view, filter)).ToDictionary(view => view.Id);
        RunView[] runs =
        [
            .. own.Runs.Where(view => !IsShadow(view.Id)).Select(view => At(view, view.Id)!).Concat(elsewhere.Values)
                .OrderByDescending(view => view.Id, StringComparer.Ordinal).Take(limit),
        ];

        // A page of the box's own runs that goes on bounds this one: what is older comes with the next.
        var hasMore = own.Next.Length > 0 || own.Runs.Count + elsewhere.Count > runs.Length;
        return new RunPage(runs, hasMore && runs.Length > 0 ? runs[^1].Id : "");
    }

    public async ValueTask<IAsyncEnumerable<RunEventView>?> WatchAsync(string runId, long afterSequence, Principal principal, CancellationToken cancel)
    {
        if (_durable.Find(runId) is null && !_submitted.ContainsKey(runId))
        {
            return await Own.WatchAsync(runId, afterSequence, principal, cancel);
        }

        return Visible(runId, principal) is null ? null : FollowAsync(runId, afterSequence, principal, cancel);
    }

    public async ValueTask<RunReply> CancelAsync(string runId, Principal principal, CancellationToken cancel)
    {
        if (!IsShadow(runId))
        {
            return await OwnAsync(runId, () => Own.CancelAsync(runId, principal, cancel));
        }

        if (Refusal(runId, principal) is { } refusal)
        {
            return refusal;
        }

        // One that nobody has taken yet ends here; whoever comes to it finds it ended.
        if (_durable.Find(runId) is null && _submitted.TryGetValue(runId, out var waiting))
        {
            var record = new RunRecord
            {
                Id = runId,
                Epoch = 1,
                Owner = _rooms.Self,
                Origin = _rooms.Self,
                View = waiting with { State = RunStateName.Cancelled, FinishedAt = _rooms.Time.GetUtcNow(), Box = null },
            };
            var value = record.Encode();
            var written = await _durable.Replicas.WriteAsync(runId, value, 0, cancel);
            if (written.IsDone)
            {
                _durable.Saw(runId, value, written.Value);
                return new RunReply(RunReplyCode.Done, "", Visible(runId, principal));
            }
        }

        return await OrderAsync(runId, new RunOrder(RunOrder.Cancel, principal), principal, cancel);
    }

    public async ValueTask<RunReply> RetryAsync(string runId, Principal principal, CancellationToken cancel)
    {
        if (_durable.Find(runId) is not { } sight)
        {
            return await Own.RetryAsync(runId, principal, cancel);
        }

        if (Refusal(runId, principal) is { } refusal)
        {
            return refusal;
        }

        if (sight.Record is not { View.State: RunStateName.Failed or RunStateName.Cancelled } || sight.Record.PartCount == 0)
        {
            return Wrong(sight.Record.PartCount == 0
                ? $"no step of run {runId} was ever carried out: submit it again"
                : $"run {runId} is {RunEventCodec.NameOf(sight.Record.View.State)}: only a failed or cancelled run can be retried");
        }

        // The retry runs here first; the term before, if it was this box's, has ended with the run.
        await _durable.Terms.EndOf(runId).WaitAsync(cancel);
        var retried = new RunEvent { Type = RunEventType.Retried, RunId = runId, At = _rooms.Time.GetUtcNow(), By = principal.Id };
        var begun = await _durable.Terms.RetryAsync(sight, retried, cancel);
        await _durable.LookAgainAsync(runId, cancel);
        return begun
            ? new RunReply(RunReplyCode.Done, "", await GetAsync(runId, principal, cancel))
            : Wrong($"run {runId} could not be taken up again here: it is being retried already, or where runs are kept does not answer; look at it again in a moment");
    }

    public async ValueTask<RunReply> ApproveAsync(string runId, string stepPath, bool approved, string note, Principal principal, CancellationToken cancel)
    {
        if (!IsShadow(runId))
        {
            return await OwnAsync(runId, () => Own.ApproveAsync(runId, stepPath, approved, note, principal, cancel));
        }

        if (Refusal(runId, principal) is { } refusal)
        {
            return refusal;
        }

        var waiting = await ShadowAsync(runId, (machine, _) => RunMachine.Walk(machine.Root)
            .Where(node => node is { State: StepStateName.Waiting, Spec.Kind: Runner.Workflows.StepKind.Approve }).Select(node => node.Path).ToArray(), cancel) ?? [];
        return (stepPath.Length > 0 ? waiting.Contains(stepPath) : waiting.Length == 1)
            ? await OrderAsync(runId, new RunOrder(RunOrder.Approve, principal, stepPath, approved, note), principal, cancel)
            : Wrong(waiting.Length == 0 ? $"run {runId} waits for no approval" : $"run {runId} waits for an answer to {string.Join(", ", waiting)}: name one of them");
    }

    public async ValueTask<RunExplanation?> ExplainAsync(string runId, Principal principal, CancellationToken cancel)
    {
        if (!IsShadow(runId))
        {
            return await Own.ExplainAsync(runId, principal, cancel);
        }

        if (Visible(runId, principal) is not { } view)
        {
            return null;
        }

        var now = _rooms.Time.GetUtcNow();
        var sight = _durable.Find(runId);
        return !view.IsFinished && (sight is null || _durable.IsFree(sight))
            ? NobodyHasIt(view, sight is null ? null : _durable.WhyNotHere(sight), now)
            : await ShadowAsync(runId, (machine, _) => Explainer.Explain(machine, StateOf(machine), 0, now), cancel)
                ?? new RunExplanation(runId, view.State, $"the run is carried by {view.Box}, and its steps cannot be read now", []);
    }

    public async ValueTask<RunItems?> ItemsAsync(string runId, string mapStep, Principal principal, CancellationToken cancel) =>
        !IsShadow(runId) ? await Own.ItemsAsync(runId, mapStep, principal, cancel)
        : Visible(runId, principal) is null ? null
        : await ShadowAsync(runId, (machine, _) => RunViews.Items(machine, mapStep), cancel);

    public async ValueTask<IReadOnlyList<ArtifactView>?> ArtifactsAsync(string runId, Principal principal, CancellationToken cancel) =>
        !IsShadow(runId) ? await Own.ArtifactsAsync(runId, principal, cancel)
        : Visible(runId, principal) is null ? null
        : await ShadowAsync(runId, (machine, _) => RunViews.Artifacts(machine), cancel) ?? [];

    public async ValueTask<ArtifactContent?> OpenArtifactAsync(string runId, string name, Principal principal, CancellationToken cancel)
    {
        var artifact = (await ArtifactsAsync(runId, principal, cancel))?.LastOrDefault(item => item.Name == name);
        if (artifact is null)
        {
            return null;
        }

        if (_durable.Find(runId) is not null)
        {
            _ = await _durable.Blobs.GetAsync(artifact.Sha256, cancel);
        }

        return _rooms.Blobs.Read(artifact.Sha256) is { } bytes ? new ArtifactContent(artifact, bytes) : null;
    }

    private async ValueTask<SubmitResult> SubmitAnywhereAsync(RunSubmission submission, Principal principal, CancellationToken cancel)
    {
        if (!principal.May(Roles.Runs))
        {
            return SubmitResult.Refused(SubmitRefusal.NotAllowed, $"{principal.Id} may not start runs: its key needs the role 'runs'");
        }

        if (_durable.Trouble is { Length: > 0 } trouble)
        {
            return SubmitResult.Refused(SubmitRefusal.Unreachable, trouble);
        }

        if (Interlocked.Increment(ref _outbox) > _options.OutboxMax)
        {
            _ = Interlocked.Decrement(ref _outbox);
            return SubmitResult.Refused(SubmitRefusal.Busy, $"{_options.OutboxMax} submissions wait for the NATS servers already; submit again later");
        }

        try
        {
            return await SendAsync(submission, principal, cancel);
        }
        catch (IOException e)
        {
            return SubmitResult.Refused(SubmitRefusal.StoreFull, $"the run could not be stored: {e.Message}");
        }
        finally
        {
            _ = Interlocked.Decrement(ref _outbox);
        }
    }

    /// <summary>Accepted when the queue has it: until then nothing was promised.</summary>
    private async ValueTask<SubmitResult> SendAsync(RunSubmission submission, Principal principal, CancellationToken cancel)
    {
        var (submitted, result) = Own.Check(submission, principal);
        if (submitted is null)
        {
            return result;
        }

        var (body, blobs) = SubmitMessage.Write(
            submitted, submission, Own.WorkflowOf(submitted), _rooms.Self, _options.SubmitBytesMax, bytes => _rooms.Blobs.Put(bytes, "application/json"));
        if (body is null)
        {
            return SubmitResult.Refused(
                SubmitRefusal.StoreFull,
                $"the workflow and its inputs take more than the {_options.SubmitBytesMax:N0} bytes of a submission: give large texts as inputs of type file");
        }

        foreach (var hash in blobs)
        {
            var put = await _durable.Replicas.PutBlobAsync(hash, _rooms.Blobs.Read(hash)!, cancel);
            if (!put.IsDone)
            {
                return SubmitResult.Refused(SubmitRefusal.Unreachable, $"an input could not be brought to the NATS servers ({put.Text}); submit again");
            }
        }

        Remember(submitted);
        var sent = await _durable.Replicas.SubmitAsync(submitted.RunId, body, cancel);
        if (sent.IsDone)
        {
            return SubmitResult.Of(submitted.RunId);
        }

        if (sent.Status != ReplicaStatus.Unknown)
        {
            _ = _submitted.TryRemove(submitted.RunId, out _);
        }

        return SubmitResult.Refused(SubmitRefusal.Unreachable, sent.Status == ReplicaStatus.Unknown
            ? $"whether the run was stored is not known ({sent.Text}): look with `jesus runs show {submitted.RunId}` before you submit again"
            : $"the run was not stored ({sent.Text}); submit again");
    }

    private void Remember(RunEvent submitted)
    {
        foreach (var id in _submitted.Keys.Order(StringComparer.Ordinal).Take(Math.Max(0, _submitted.Count - SubmittedMax)))
        {
            _ = _submitted.TryRemove(id, out _);
        }

        _submitted[submitted.RunId] = RunSummary.Fold(null, submitted, 0) with { Box = "" };
    }

    /// <summary>Whether it runs anywhere and is not in this box's memory.</summary>
    private bool IsShadow(string runId) =>
        _durable.Find(runId) is { } sight ? !IsHere(sight) : _submitted.ContainsKey(runId) && !Own.Holds(runId);

    /// <summary>Carried here; or it ended here and is as it ended.</summary>
    private bool IsHere(RunSight sight) =>
        Own.Holds(sight.Record.Id) && (_durable.Terms.Holds(sight.Record.Id) || (sight.Record.HasEnded && sight.Record.Owner == _rooms.Self));

    private RunView? At(RunView? view, string runId) =>
        view is not null && (_durable.Find(runId) is not null || _durable.Terms.Holds(runId)) ? view with { Box = _rooms.Self } : view;

    /// <summary>The run's row, for who may see it.</summary>
    private RunView? Visible(string runId, Principal principal)
    {
        var view = _durable.Find(runId) is { Record: var record } ? record.View with { Box = record.Owner } : _submitted.GetValueOrDefault(runId);
        if (view is null || (!principal.May(Roles.Admin) && view.User != principal.User))
        {
            return null;
        }

        return view.IsFinished ? view : view with { Seconds = Math.Round(Math.Max(0, (_rooms.Time.GetUtcNow() - view.SubmittedAt).TotalSeconds), 3) };
    }

    private RunReply? Refusal(string runId, Principal principal) =>
        Visible(runId, principal) is null ? new RunReply(RunReplyCode.NotFound, $"there is no run {runId}", null)
        : principal.May(Roles.Runs) ? null
        : new RunReply(RunReplyCode.NotAllowed, $"{principal.Id} may not steer runs: its key needs the role 'runs'", null);

    private async ValueTask<T?> ShadowAsync<T>(string runId, Func<RunMachine, long, T?> read, CancellationToken cancel)
        where T : class
    {
        if (_shadows.Of(runId) is not { } shadow)
        {
            return null;
        }

        _ = await shadow.RefreshAsync(cancel);
        return shadow.Look(read);
    }

    /// <summary>The events of a run wherever it goes: its place in the log is an event's sequence at every box.</summary>
    private async IAsyncEnumerable<RunEventView> FollowAsync(string runId, long after, Principal principal, [EnumeratorCancellation] CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var events = _durable.Find(runId) is { } sight && IsHere(sight)
                ? await Own.WatchAsync(runId, after, principal, cancel)
                : _durable.Find(runId) is not null ? _shadows.Of(runId)?.WatchAsync(after, cancel) : null;
            if (events is not null)
            {
                await foreach (var item in events.WithCancellation(cancel))
                {
                    after = item.Sequence;
                    yield return item;
                    if (item.Type == "run.finished")
                    {
                        yield break;
                    }
                }
            }

            // Not taken yet, or on its way from box to box.
            await Task.Delay(TimeSpan.FromMilliseconds(100), _rooms.Time, cancel);
        }
    }

    private async ValueTask<RunReply> OrderAsync(string runId, RunOrder order, Principal principal, CancellationToken cancel)
    {
        if (Visible(runId, principal) is { IsFinished: true } ended)
        {
            return Wrong($"run {runId} has already {RunEventCodec.NameOf(ended.State)}");
        }

        var left = await _durable.Replicas.OrderAsync(runId, RandomNumberGenerator.GetHexString(16, lowercase: true), order.Encode(), cancel);
        return left.IsDone
            ? new RunReply(RunReplyCode.Done, "", Visible(runId, principal))
            : Wrong($"the order did not reach the run's box ({left.Text}); give it again");
    }

    private async ValueTask<RunReply> OwnAsync(string runId, Func<ValueTask<RunReply>> order)
    {
        try
        {
            var reply = await order();
            return reply with { Run = At(reply.Run, runId) };
        }
        catch (JournalFailedException) when (_durable.Find(runId) is not null)
        {
            return Wrong($"run {runId} is on its way to another box; give the order again in a moment");
        }
    }

    /// <summary>As its owner would say: everything that is not at its end waits for a person or a delay.</summary>
    private static RunStateName StateOf(RunMachine machine) =>
        machine.End?.RunState ?? (machine.Waiting == 0 || RunMachine.Walk(machine.Root).Any(node => node is { State: StepStateName.Pending, NeedsLeft: 0 })
            ? RunStateName.Running
            : RunStateName.Waiting);

    private static RunExplanation NobodyHasIt(RunView view, string? whyNotHere, DateTimeOffset now) =>
        new(view.Id, view.State, "the run waits for a box that takes it", [new WaitCause
    {
        Cause = "queue",
        Detail = "a box that knows the user, has the workflow's tools and models, and has room" + (whyNotHere is null ? "" : "; " + whyNotHere),
        Seconds = Math.Round(Math.Max(0, (now - view.SubmittedAt).TotalSeconds), 3),
    }]);

    private static RunReply Wrong(string message) => new(RunReplyCode.WrongState, message, null);

    private static bool Matches(RunView view, RunFilter filter) =>
        (filter.State is null || view.State == filter.State)
        && (filter.Workflow.Length == 0 || view.Workflow == filter.Workflow)
        && (filter.Before.Length == 0 || string.CompareOrdinal(view.Id, filter.Before) < 0);
}
