using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Security;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>Takes submissions from the queue, one at a time and only while the box has room for a run.</summary>
internal sealed class RunTaker(DurableRooms rooms, IRunReplicas replicas, ReplicaBlobs blobs, RunTerms terms, DurableOptions options)
{
    /// <summary>After the queue could not be asked.</summary>
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(1);

    private volatile bool _isDraining;

    /// <summary>Takes nothing more.</summary>
    public void Drain() => _isDraining = true;

    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested && !_isDraining)
        {
            var taken = terms.HasRoom && rooms.IsConnected() ? await replicas.TakeAsync(cancel) : default;
            if (!taken.IsDone)
            {
                var wait = taken.Status == ReplicaStatus.Missing || !terms.HasRoom ? options.LookEvery : AskAgain;
                await Task.Delay(wait, rooms.Time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                continue;
            }

            await using var offer = taken.Value;
            await AnswerAsync(offer, cancel);
        }
    }

    private async ValueTask AnswerAsync(IRunOffer offer, CancellationToken cancel)
    {
        try
        {
            await TakeAsync(offer, cancel);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            rooms.Log.LogWarning("a submission of {Origin} could not be taken: {Reason}", offer.Origin, e.Message);
            await offer.DeclineAsync(options.RefusalDelay);
        }
    }

    private async ValueTask TakeAsync(IRunOffer offer, CancellationToken cancel)
    {
        if (_isDraining)
        {
            await offer.DeclineAsync(TimeSpan.Zero);
            return;
        }

        var message = SubmitMessage.Read(offer.Body.Span, offer.Origin, out var problem);
        if (message is null || !RunIds.IsId(message.RunId))
        {
            rooms.Log.LogWarning("a submission of {Origin} is dropped: {Reason}", offer.Origin, message is null ? problem : "its run's id is none");
            await offer.AcceptAsync();
            return;
        }

        foreach (var (key, hash) in message.Blobs)
        {
            if (await blobs.GetAsync(hash, cancel) is { IsDone: false } missing)
            {
                await RefuseAsync(offer, message, missing.Text, cancel);
                return;
            }

            message = SubmitMessage.With(message, key, rooms.Blobs.Read(hash)!);
        }

        await TakeAsync(offer, message, cancel);
    }

    private async ValueTask TakeAsync(IRunOffer offer, SubmittedMessage message, CancellationToken cancel)
    {
        // The principal as the submitter's box named it: each owner maps it anew to one of its own.
        var by = message.Submitter;
        var principal = new Principal(by.Id, PrincipalKind.Peer, by.User, by.Team, by.Organisation, Roles.Runs | Roles.Models);
        var (submitted, result) = rooms.Runs.Check(message.Submission, principal);
        if (submitted is null)
        {
            await RefuseAsync(offer, message, result.Message, cancel);
            return;
        }

        submitted = rooms.Runs.Slim(submitted with { RunId = message.RunId, At = message.At });
        var needs = RunNeeds.Of(rooms.Runs.WorkflowOf(submitted));
        if (WhyNot(by, needs) is { } reason)
        {
            await RefuseAsync(offer, message, reason, cancel);
            return;
        }

        var record = NewRecord(message, submitted.Submitted!.WorkflowName, needs);
        var created = await terms.CreateAsync(record, submitted, cancel);
        await (created.Status is ReplicaStatus.Done or ReplicaStatus.Conflict
            ? offer.AcceptAsync() // durable here and there; or somebody has it already
            : offer.DeclineAsync(options.RefusalDelay));
    }

    /// <summary>Why this box cannot carry a run; null when it can.</summary>
    public string? WhyNot(Submitter by, IReadOnlyList<string> needs) =>
        rooms.PrincipalOf(by) is null ? $"the box {rooms.Self} does not know the user '{by.User}': list it in directory.users there"
        : needs.FirstOrDefault(need => !rooms.Has(need)) is { } missing ? $"the box {rooms.Self} has no {missing.Replace(":", " '", StringComparison.Ordinal)}'"
        : null;

    /// <summary>Another box may do better; when none did for long enough, the run ends and says why.</summary>
    private async ValueTask RefuseAsync(IRunOffer offer, SubmittedMessage message, string reason, CancellationToken cancel)
    {
        DurableMetrics.RefusedOne();
        if (offer.Offered < options.RefusalsMax)
        {
            await offer.DeclineAsync(options.RefusalDelay);
            return;
        }

        var now = rooms.Time.GetUtcNow();
        var record = NewRecord(message, message.Submission.FileName, []);
        var error = $"no box could take the run; the last one that was asked says: {reason}";
        record = record with { View = record.View with { State = RunStateName.Failed, FinishedAt = now, Error = error } };
        var written = await replicas.WriteAsync(message.RunId, record.Encode(), 0, cancel);
        rooms.Log.LogWarning("run {Run} of {User} at {Origin} was offered {Count} times and nobody could take it: {Reason}",
            message.RunId, message.Submitter.User, message.Submitter.Origin, offer.Offered, reason);
        await (written.Status is ReplicaStatus.Done or ReplicaStatus.Conflict ? offer.AcceptAsync() : offer.DeclineAsync(options.RefusalDelay));
    }

    private RunRecord NewRecord(SubmittedMessage message, string workflow, IReadOnlyList<string> needs) => new()
    {
        Id = message.RunId,
        Epoch = 1,
        Owner = rooms.Self,
        Instance = rooms.Instance,
        Write = 1,
        Parts = [new TermParts(1, 0)],
        Origin = message.Submitter.Origin,
        Principal = message.Submitter.Id,
        Team = message.Submitter.Team,
        Organisation = message.Submitter.Organisation,
        Needs = needs,
        View = new RunView { Id = message.RunId, Workflow = workflow, State = RunStateName.Queued, User = message.Submitter.User, SubmittedAt = message.At },
    };
}
