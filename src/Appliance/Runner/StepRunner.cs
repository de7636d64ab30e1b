using System.Text;
using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Steps;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tools;
using Jesus.Inference.Contract;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Runner;

/// <summary>Turns an action of the machine into the event that answers it: runs the attempt, keeps the artifact, decides on a retry.</summary>
internal sealed class StepRunner(RunnerRooms rooms, RunnerOptions options, RunContext run)
{
    private readonly StepExecutor _executor = new(rooms);

    /// <returns>Null when the daemon stops: the step is left as it was, and runs again after the next start.</returns>
    public ValueTask<RunEvent?> EventOf(RunAction action, Func<bool> isParked, CancellationToken cancel) => action switch
    {
        ExecuteStep execute => ExecuteAsync(execute, isParked, cancel),
        AskApproval ask => ValueTask.FromResult<RunEvent?>(Event(RunEventType.StepWaiting) with { Step = ask.Node.Path, Message = ask.Message, DueAt = ask.DueAt }),
        FinishStep finish => ValueTask.FromResult<RunEvent?>(Finished(finish)),
        FinishRun end => ValueTask.FromResult<RunEvent?>(Event(RunEventType.Finished) with
        {
            RunState = end.State,
            Output = end.Outputs,
            Message = end.Message,
            RefusedByBudget = end.RefusedByBudget,
            TokensIn = end.Lost.TokensIn,
            TokensOut = end.Lost.TokensOut,
            CostMicroUsd = end.Lost.CostMicroUsd,
            Estimated = end.Lost.Estimated,
        }),
        _ => throw new InvalidOperationException($"no rule for {action.GetType().Name}"),
    };

    private RunEvent Event(RunEventType type) => new() { Type = type, RunId = run.RunId, At = rooms.Time.GetUtcNow() };

    private async ValueTask<RunEvent?> ExecuteAsync(ExecuteStep action, Func<bool> isParked, CancellationToken cancel)
    {
        var started = rooms.Time.GetUtcNow();
        var result = await AttemptAsync(action, cancel);
        if (result.Outcome == StepStateName.Cancelled && isParked())
        {
            return result.HasSpent || action.Node.HasOpenIntent
                ? Again(action, result with { Message = "the box stopped meanwhile: what was spent until then counts, and it is done anew" }) : null;
        }

        if (result.Again)
        {
            return Again(action, result);
        }

        var (kept, artifact) = Keep(result, action.Plan.Artifact);
        var aside = AsideOf(action);
        return MayRetry(action, kept, cancel) ? Retrying(action, kept) : Event(RunEventType.StepFinished) with
        {
            Step = action.Node.Path,
            Outcome = kept.Outcome,
            Output = kept.Outcome == StepStateName.Done ? kept.Output : null,
            Message = kept.Message,
            Artifact = artifact,
            StartedAt = started,
            Attempt = action.Attempt,
            TokensIn = kept.TokensIn,
            TokensOut = kept.TokensOut,
            CostMicroUsd = kept.CostMicroUsd,
            Estimated = kept.Estimated,
            TimesAside = aside.Times,
            AsideMs = (long)aside.Time.TotalMilliseconds,
            RefusedByBudget = kept.RefusedByBudget,
        };
    }

    /// <summary>Every end of an attempt is a result: a time-out, a cancel, an executor's own failure.</summary>
    private async ValueTask<StepResult> AttemptAsync(ExecuteStep action, CancellationToken cancel)
    {
        var node = action.Node;
        var limit = node.Spec.Timeout ?? options.StepTimeout;
        using var timeout = new CancellationTokenSource(limit, rooms.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, timeout.Token);
        try
        {
            var result = await _executor.RunAsync(action, run, both.Token);
            return result.Outcome == StepStateName.Cancelled ? Cut(result, limit, cancel) : result;
        }
        catch (OperationCanceledException) when (both.IsCancellationRequested)
        {
            return Stopped(node, limit, cancel);
        }
        catch (Exception e) when (e is not JournalFailedException)
        {
            rooms.Log.LogError(e, "Step {Step} of run {Run} met an internal error", node.Path, run.RunId);
            return StepResult.Failed($"internal error: {e.Message}", retryable: false);
        }
    }

    private static StepResult Stopped(StepNode node, TimeSpan limit, CancellationToken cancel)
    {
        if (node.HasOpenIntent)
        {
            return new StepResult { Outcome = StepStateName.Unknown, Message = "the step was stopped while a tool changed something: look whether it happened" };
        }

        return Cut(new StepResult { Outcome = StepStateName.Cancelled, Message = "cancelled" }, limit, cancel);
    }

    /// <summary>Cut short, and what it spent is known: by whom decides how it ends.</summary>
    private static StepResult Cut(StepResult result, TimeSpan limit, CancellationToken cancel) => cancel.IsCancellationRequested
        ? result with { Message = "cancelled", Retryable = false }
        : result with { Outcome = StepStateName.Failed, Message = $"it took longer than {Workflows.Durations.Show(limit)}", Retryable = true };

    private static bool MayRetry(ExecuteStep action, StepResult result, CancellationToken cancel) =>
        result is { Outcome: StepStateName.Failed, Retryable: true } && action.Attempt < action.Node.Spec.Retry.Attempts && !cancel.IsCancellationRequested;

    private RunEvent Retrying(ExecuteStep action, StepResult result)
    {
        var retry = action.Node.Spec.Retry;
        var asked = result.RetryAfter < retry.MaxDelay ? result.RetryAfter : retry.MaxDelay;
        var delay = RetryDelay.After(retry, action.Attempt, RetryDelay.SeedOf(run.RunId, action.Node.Path));
        return Waiting(action, result, action.Attempt, asked > delay ? asked : delay);
    }

    /// <summary>The attempt counts for its spending alone. After a stop it is due with the next start.</summary>
    private RunEvent Again(ExecuteStep action, StepResult result) => Waiting(action, result, action.Attempt - 1, TimeSpan.Zero);

    private RunEvent Waiting(ExecuteStep action, StepResult result, int attempts, TimeSpan delay)
    {
        var aside = AsideOf(action);
        return Event(RunEventType.StepRetrying) with
        {
            Step = action.Node.Path,
            Message = result.Message,
            Attempt = attempts,
            DueAt = rooms.Time.GetUtcNow() + delay,
            Fresh = result.Fresh,
            TokensIn = result.TokensIn,
            TokensOut = result.TokensOut,
            CostMicroUsd = result.CostMicroUsd,
            Estimated = result.Estimated,
            TimesAside = aside.Times,
            AsideMs = (long)aside.Time.TotalMilliseconds,
        };
    }

    private static Pauses AsideOf(ExecuteStep action) => action.Node.Pauses?.Sum ?? default;

    private RunEvent Finished(FinishStep finish)
    {
        var result = new StepResult { Outcome = finish.Outcome, Message = finish.Message };
        ArtifactRecord? artifact = null;
        if (finish.Outcome == StepStateName.Done)
        {
            var problems = finish.Node.Spec.OutputSchema is { } schema ? SchemaValidator.Validate(schema, finish.Whole) : [];
            (result, artifact) = problems.Count > 0
                ? (StepResult.Failed("the output does not fit its schema: " + string.Join("; ", problems), retryable: false), null)
                : KeepWhole(finish, result);
        }

        return Event(RunEventType.StepFinished) with
        {
            Step = finish.Node.Path,
            Outcome = result.Outcome,
            Message = result.Message,
            Artifact = artifact,
            StartedAt = finish.Node.StartedAt,
            Attempt = finish.Node.Attempts,
        };
    }

    private (StepResult Result, ArtifactRecord? Artifact) KeepWhole(FinishStep finish, StepResult result)
    {
        try
        {
            var (kept, artifact) = Keep(result with { Output = finish.Whole }, StepPlan.ArtifactName(finish.Node));
            return (kept with { Output = JsonValues.Null }, artifact);
        }
        catch (EvaluationException e)
        {
            return (StepResult.Failed("artifact: " + e.Message, retryable: false), null);
        }
    }

    /// <summary>Stores the output under its name; a text as it is, anything else as indented JSON.</summary>
    private (StepResult Result, ArtifactRecord? Artifact) Keep(StepResult result, string? name)
    {
        if (name is null || result.Outcome != StepStateName.Done)
        {
            return (result, null);
        }

        var isText = result.Output.ValueKind == JsonValueKind.String;
        var bytes = isText ? Encoding.UTF8.GetBytes(result.Output.GetString()!) : JsonValues.ToUtf8(result.Output, indented: true);
        var media = MediaTypes.Of(name, isText);
        try
        {
            return (result, new ArtifactRecord(name, rooms.Blobs.Put(bytes, media), bytes.Length, media));
        }
        catch (IOException e)
        {
            return (result with { Outcome = StepStateName.Failed, Message = $"the artifact '{name}' could not be kept: {e.Message}", Retryable = true }, null);
        }
    }
}
