using System.Runtime.CompilerServices;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>Steps 4 to 6 for one candidate after another, as the <see cref="AttemptChain"/> decides, until one answers or nothing is left.</summary>
internal sealed class AttemptLoop(PipelineRooms rooms)
{
    /// <summary>Default wait for a first event while another candidate is left: a person notices more.</summary>
    private const int ImpatientMs = 2_000;

    /// <summary>Default wait where nobody else could answer: long prompts on a busy box take this long.</summary>
    private const int LastCandidateMs = 120_000;

    /// <summary>Default silence inside a committed answer, which nobody else may finish.</summary>
    private const int CommittedStallMs = 60_000;

    /// <summary>What a client is told to wait when a door stayed shut: about one answer.</summary>
    private static readonly TimeSpan BusyRetry = TimeSpan.FromSeconds(1);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask RunAsync(CallPath path)
    {
        Begin(path);
        Candidate? left = null;
        while (true)
        {
            var step = path.Chain.Next(rooms.Time.NowMs(), DeadlineMs(path));
            if (step.Move == ChainMove.Stop || !await WaitAsync(path, step).ConfigureAwait(false))
            {
                GiveUp(path);
                return;
            }

            if (step.Move == ChainMove.Try && await TryAsync(path, step.Place, left).ConfigureAwait(false))
            {
                return;
            }

            left = step.Move == ChainMove.Try ? path.Route.Candidates[path.Plan[step.Place]] : left;
        }
    }

    private void Begin(CallPath path)
    {
        var now = rooms.Time.NowMs();
        path.Chain.Begin(path.Plan.Count, path.Route.Options.Retries);
        for (var place = 0; place < path.Plan.Count; place++)
        {
            var cooldown = path.Route.Candidates[path.Plan[place]].Health.State.CooldownUntilMs;
            if (cooldown > now)
            {
                path.Chain.HoldBack(place, cooldown);
                path.Error = new ModelError(
                    ErrorCause.RateLimited,
                    $"'{path.Route.Candidates[path.Plan[place]].Name}' asked to be left alone for {(cooldown - now + 999) / 1000} s more.",
                    RetryAfter: TimeSpan.FromMilliseconds(cooldown - now));
            }
        }
    }

    private long DeadlineMs(CallPath path)
    {
        var left = LeftMs(path);
        return left == long.MaxValue ? left : rooms.Time.NowMs() + left;
    }

    private long LeftMs(CallPath path)
    {
        var left = path.Call.Request.Deadline.Remaining(rooms.Time);
        return left == Timeout.InfiniteTimeSpan ? long.MaxValue : (long)left.TotalMilliseconds;
    }

    /// <returns>False when the caller cancelled meanwhile.</returns>
    private async ValueTask<bool> WaitAsync(CallPath path, ChainStep step)
    {
        if (step.Move == ChainMove.Wait)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(step.WaitMs), rooms.Time, path.Cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (!path.Cancel.IsCancellationRequested)
        {
            return true;
        }

        path.Error = new ModelError(ErrorCause.Cancelled, "The caller cancelled the call.");
        return false;
    }

    /// <returns>True when the call is over: answered, committed, or not to be tried again.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> TryAsync(CallPath path, int place, Candidate? left)
    {
        var index = path.Plan[place];
        var candidate = path.Route.Candidates[index];
        if (!await AffordAsync(path, index).ConfigureAwait(false))
        {
            return true;
        }

        if (left is not null && left != candidate)
        {
            PipelineMetrics.FellBack(left, candidate, path.Error.Cause);
        }

        var result = await EnterAndCallAsync(path, place, index, candidate).ConfigureAwait(false);
        var over = Judge(path, place, candidate, result);
        if (result.Succeeded)
        {
            await path.Sink.ReleaseAsync().ConfigureAwait(false);
        }

        return over;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<CallResult> EnterAndCallAsync(CallPath path, int place, int index, Candidate candidate)
    {
        // 4
        var asked = rooms.Time.NowMs();
        var slots = candidate.Traits.Slots > 0 ? candidate.Traits.Slots : candidate.Adapter.Capacity(new ModelKey(candidate.Model)).TotalSlots;
        if (!rooms.Scheduler.TryEnter(candidate.Name, slots, path.Call.Lane, out var ticket))
        {
            var entered = await QueueAsync(path, place, index, candidate).ConfigureAwait(false);
            path.QueuedMs += rooms.Time.NowMs() - asked;
            if (entered.Verdict != TicketVerdict.Granted)
            {
                return CallResult.Failed(default, "") with { Error = NoTicket(path, candidate, entered.Verdict) };
            }

            ticket = entered.Ticket;
        }

        using (ticket)
        {
            return await AttemptAsync(path, place, index, candidate).ConfigureAwait(false);
        }
    }

    /// <summary>Waits no longer than an attempt may: with another candidate left, its door may be open.</summary>
    private async ValueTask<TicketResult> QueueAsync(CallPath path, int place, int index, Candidate candidate)
    {
        var waitMs = path.Chain.HasOther(place, rooms.Time.NowMs()) ? ImpatientMs : rooms.Scheduler.Options.QueueWaitMs;
        var flow = path.Call.Principal.Team.Length > 0 ? path.Call.Principal.Team : path.Call.Principal.User;
        var cost = (int)Math.Min(int.MaxValue, path.Bounds[index].Tokens);
        path.Watch.Start(Math.Min(waitMs, LeftMs(path)), waitMs, waitMs, path.Cancel);
        try
        {
            return await rooms.Scheduler.WaitAsync(candidate.Name, path.Call.Lane, flow, cost, path.Watch.Token).ConfigureAwait(false);
        }
        finally
        {
            path.Watch.Stop();
        }
    }

    private static ModelError NoTicket(CallPath path, Candidate candidate, TicketVerdict verdict)
    {
        if (verdict == TicketVerdict.Left && path.Watch.Cause == ErrorCause.Cancelled)
        {
            return new ModelError(ErrorCause.Cancelled, "The caller cancelled the call while it waited.");
        }

        var what = verdict == TicketVerdict.Full ? "has its queue full (scheduler.queueDepthMax)" : "had no free place in time (scheduler.queueWaitMs)";
        return new ModelError(ErrorCause.Overloaded, $"'{candidate.Name}' {what}; try again shortly, or add another candidate to the route.", RetryAfter: BusyRetry);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<CallResult> AttemptAsync(CallPath path, int place, int index, Candidate candidate)
    {
        path.Attempts++;
        path.Call.Attempts = path.Attempts;
        path.Call.Candidate = candidate;
        Shape(path, index, candidate);
        var started = rooms.Time.NowMs();
        var (firstMs, stallMs) = Timeouts(path, path.Chain.HasOther(place, started));
        path.Sink.BeginAttempt();
        path.Watch.Start(Math.Min(firstMs, LeftMs(path)), stallMs, path.Route.Options.StallTimeoutMs > 0 ? stallMs : CommittedStallMs, path.Cancel);
        CallResult result;
        try
        {
            // 5, 6
            result = await RedactAndCallAsync(candidate, path).ConfigureAwait(false);
        }
        finally
        {
            path.Watch.Stop();
        }

        PipelineMetrics.Attempt(candidate, rooms.Time.NowMs() - started);
        result = Charge(path, index, candidate, Interpret(path, candidate, result));
        NoteHealth(candidate, result);
        return result;
    }

    private void NoteHealth(Candidate candidate, in CallResult result)
    {
        if (result.Succeeded)
        {
            candidate.Health.Succeeded();
        }
        else
        {
            candidate.Health.Failed(result.Error.Cause, result.Error.RetryAfter, rooms.Time.NowMs());
        }
    }

    /// <summary>Internal data leaves the box with placeholders in it; the values return on the answer's way to the reader.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<CallResult> RedactAndCallAsync(Candidate candidate, CallPath path)
    {
        if (!candidate.Traits.LeavesBox || path.DataClass != DataClass.Internal || rooms.Redactor is null)
        {
            return await CallAsync(candidate, path, path.Sink).ConfigureAwait(false);
        }

        var redaction = path.Redaction ??= rooms.Redactor.Begin();
        var error = redaction.Redact(path.Call.Request);
        try
        {
            return error.IsNone
                ? await CallAsync(candidate, path, redaction.Restoring(path.Sink)).ConfigureAwait(false)
                : new CallResult { Error = error, Reason = FinishReason.Error };
        }
        finally
        {
            redaction.Undo(path.Call.Request);
        }
    }

    /// <summary>An exception is a defect of the adapter; it must cost this call an attempt, not the appliance its other calls.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<CallResult> CallAsync(Candidate candidate, CallPath path, IAnswerSink sink)
    {
        try
        {
            return await candidate.Adapter.CallAsync(path.Call.Request, sink, path.Watch.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return CallResult.Failed(ErrorCause.Cancelled, "The call was cancelled.") with { Quality = UsageQuality.Estimated };
        }
#pragma warning disable CA1031 // Whatever it threw, the money must be settled.
        catch (Exception defect)
#pragma warning restore CA1031
        {
            var message = $"The adapter of '{candidate.Name}' failed unexpectedly: {defect.GetType().Name}: {defect.Message}";
            return CallResult.Failed(ErrorCause.Internal, message) with { Quality = UsageQuality.Estimated };
        }
    }

    /// <summary>Says why an attempt was cut short, and whether a held-back answer is what was asked for.</summary>
    private static CallResult Interpret(CallPath path, Candidate candidate, in CallResult result)
    {
        if (!result.Succeeded)
        {
            return result.Error.Cause == ErrorCause.Cancelled ? result with { Error = Cancelled(path, candidate) } : result;
        }

        if (path.Sink.ReaderLeft)
        {
            return result with { Error = Cancelled(path, candidate), Reason = FinishReason.Cancelled };
        }

        return path.Sink.HeldAnswerFits(path.Call.Request)
            ? result
            : result with { Error = new ModelError(ErrorCause.SchemaViolated, $"'{candidate.Name}' answered with something else than the JSON that was asked for.") };
    }

    private static ModelError Cancelled(CallPath path, Candidate candidate) => path.Watch.Cause switch
    {
        ErrorCause.FirstTokenTimeout => new ModelError(
            ErrorCause.FirstTokenTimeout,
            $"'{candidate.Name}' had not begun to answer in time; raise the route's firstTokenTimeoutMs if it is only slow."),
        ErrorCause.Stalled => new ModelError(
            ErrorCause.Stalled,
            $"'{candidate.Name}' fell silent inside its answer; raise the route's stallTimeoutMs if it is only slow."),
        ErrorCause.Malformed => new ModelError(
            ErrorCause.Malformed,
            $"The answer of '{candidate.Name}' is longer than {HeldAnswer.BytesMax} bytes, the most that is held back; use the commit policy first_token."),
        _ => new ModelError(ErrorCause.Cancelled, path.Sink.ReaderLeft ? "Nobody reads the answer any more." : "The caller cancelled the call."),
    };

    private CallResult Charge(CallPath path, int index, Candidate candidate, in CallResult result)
    {
        if (path.Call.Request.Operation == ModelOperation.CountTokens)
        {
            path.Charge(new Settlement(result.Usage, UsageQuality.Exact, 0));
            return result;
        }

        var isHard = !candidate.CountsExactly && (path.Originals.MaxOutputTokens > 0 || path.Reservation.HasCaps);
        var settlement = Settlement.Of(result, path.Bounds[index], path.Prices[index], isHard);
        path.Charge(settlement);
        if (settlement.IsOverrun)
        {
            rooms.Budgets.ReportOverrun(candidate.Name, path.Reservation, path.Bounds[index].MicroUsd, settlement.MicroUsd);
        }

        PipelineMetrics.Charged(candidate, path.Call.Principal.Team, settlement.Usage, settlement.MicroUsd);
        return result;
    }

    private bool Judge(CallPath path, int place, Candidate candidate, in CallResult result)
    {
        var error = result.Error;
        path.Error = error;
        path.Reason = result.Succeeded ? Reason(path, result) : error.Cause == ErrorCause.Cancelled ? FinishReason.Cancelled : FinishReason.Error;
        path.Call.Decisions.Add(new Decision(candidate.Name, result.Succeeded ? "answered" : "failed", error.Cause));
        if (result.Succeeded)
        {
            path.Answered = candidate;
            return true;
        }

        var now = rooms.Time.NowMs();
        var over = path.Sink.Committed || error.Cause == ErrorCause.Cancelled;
        path.Answered = path.Sink.Committed ? candidate : null;
        path.Chain.Failed(place, error.Cause, !over && path.Route.FallsBackOn(error.Cause), (long)error.RetryAfter.TotalMilliseconds, now);
        return over;
    }

    private static FinishReason Reason(CallPath path, in CallResult result) => result.Reason != FinishReason.None ? result.Reason
        : path.Sink.Reason != FinishReason.None ? path.Sink.Reason : FinishReason.Stop;

    /// <summary>What earlier attempts used stays held; this one's worst case must fit beside it.</summary>
    private async ValueTask<bool> AffordAsync(CallPath path, int index)
    {
        var spent = new Amount(path.CostMicroUsd, path.Usage.InputTokens + (long)path.Usage.OutputTokens);
        var needed = spent + new Amount(path.Bounds[index].MicroUsd, path.Bounds[index].Tokens);
        var more = Amount.Max(default, needed - path.Reservation.Held);
        if (more == default)
        {
            return true;
        }

        var refusal = await rooms.Budgets.ReserveAsync(path.Reservation, more).ConfigureAwait(false);
        if (!refusal.IsNone)
        {
            path.RefusedByBudget = refusal.Key.Display;
            path.Call.Decisions.Add(new Decision(path.Route.Candidates[index].Name, "not tried: over budget", ErrorCause.Refused));
        }

        return refusal.IsNone;
    }

    /// <summary>Under a cap the answer may not outgrow what was reserved, so the caller's own bytes can no longer pass through unchanged.</summary>
    private static void Shape(CallPath path, int index, Candidate candidate)
    {
        var request = path.Call.Request;
        path.Originals.Restore(request);
        request.Model = candidate.ModelUtf8;
        if (path.Reservation.HasCaps && request.MaxOutputTokens == 0 && request.Operation == ModelOperation.Generate)
        {
            request.MaxOutputTokens = Math.Max(1, path.Bounds[index].Usage.OutputTokens / Math.Max(1, request.Choices));
            request.BodyShape = ApiShape.None;
        }
    }

    private static (long FirstMs, long StallMs) Timeouts(CallPath path, bool hasOther)
    {
        var options = path.Route.Options;
        var usual = hasOther ? ImpatientMs : LastCandidateMs;
        return (options.FirstTokenTimeoutMs > 0 ? options.FirstTokenTimeoutMs : usual, options.StallTimeoutMs > 0 ? options.StallTimeoutMs : usual);
    }

    private static void GiveUp(CallPath path)
    {
        if (path.Error.IsNone)
        {
            path.Error = new ModelError(ErrorCause.Cancelled, "The call's deadline passed before a candidate could be tried.");
        }

        path.Reason = path.Error.Cause == ErrorCause.Cancelled ? FinishReason.Cancelled : FinishReason.Error;
    }
}
