using System.Runtime.CompilerServices;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Appliance.Security.Redaction;
using Jesus.Inference.Contract;
using Jesus.Transport.Pooling;
using Jesus.Transport.Timing;

namespace Jesus.Appliance.Pipeline;

/// <summary>One attempt: a place at the candidate's door, the request as that candidate gets it, the call itself.</summary>
internal sealed class AttemptRunner(PipelineRooms rooms)
{
    /// <summary>Default wait for a first event while another candidate is left: a person notices more.</summary>
    private const int ImpatientMs = 2_000;

    /// <summary>Default wait where nobody else could answer: long prompts on a busy box take this long.</summary>
    private const int LastCandidateMs = 120_000;

    /// <summary>Default silence inside a committed answer, which nobody else may finish.</summary>
    private const int CommittedStallMs = 60_000;

    /// <summary>The same where somebody else can go on with it: as long as a peer may be silent before it counts as gone.</summary>
    private const int RescuableStallMs = 10_000;

    /// <summary>Default wait for a rescuer's first event: it reads the prompt and all that is shown, and its turn is the answer's only chance.</summary>
    private const int RescueFirstMs = 20_000;

    /// <summary>What a client is told to wait when a door stayed shut: about one answer.</summary>
    private static readonly TimeSpan BusyRetry = TimeSpan.FromSeconds(1);

    private readonly RescueStep _rescue = new(rooms);

    /// <summary>Milliseconds until the call's own deadline; <see cref="long.MaxValue"/> without one.</summary>
    public long LeftMs(CallPath path)
    {
        var left = path.Call.Request.Deadline.Remaining(rooms.Time);
        return left == Timeout.InfiniteTimeSpan ? long.MaxValue : (long)left.TotalMilliseconds;
    }

    /// <summary>Waits for a place if need be.</summary>
    public ValueTask<CallResult> RunAsync(CallPath path, Attempt attempt, IAnswerSink sink) =>
        TryEnter(path, attempt, out var ticket) ? CallAsync(path, attempt, sink, ticket) : QueueAndCallAsync(path, attempt, sink);

    /// <summary>Only where a place is free: a second attempt that waits in a queue would be no help.</summary>
    public ValueTask<CallResult> RunAtOnceAsync(CallPath path, Attempt attempt, IAnswerSink sink) => TryEnter(path, attempt, out var ticket)
        ? CallAsync(path, attempt, sink, ticket)
        : ValueTask.FromResult(Failed(NoTicket(attempt, new TicketResult(TicketVerdict.Full, default))));

    /// <summary>Says why an attempt was cut short, and whether a held-back answer is what was asked for.</summary>
    public static CallResult Interpret(CallPath path, Attempt attempt, in CallResult result)
    {
        if (!result.Succeeded)
        {
            return result.Error.Cause == ErrorCause.Cancelled ? result with { Error = Cancelled(path, attempt) } : result;
        }

        if (path.Sink.ReaderLeft)
        {
            return result with { Error = Cancelled(path, attempt), Reason = FinishReason.Cancelled };
        }

        return path.Sink.HeldAnswerFits(path.Call.Request, out var problem)
            ? result
            : result with { Error = new ModelError(ErrorCause.SchemaViolated, $"'{attempt.Candidate.Label}' did not answer as asked: {problem}.") };
    }

    // 4
    private bool TryEnter(CallPath path, Attempt attempt, out Ticket ticket)
    {
        var candidate = attempt.Candidate;
        attempt.Capacity = candidate.Adapter.Capacity(new ModelKey(candidate.Model));
        if (rooms.Scheduler.HasClaims(candidate.Door, path.Call.Lane))
        {
            Name(path);
        }

        var slots = candidate.Traits.Slots > 0 ? candidate.Traits.Slots : attempt.Capacity.TotalSlots;
        return rooms.Scheduler.TryEnter(candidate.Door, slots, path.Call.Lane, out ticket, NeedOf(path, attempt));
    }

    private static CallNeed NeedOf(CallPath path, Attempt attempt) => new(attempt.Hold, path.InputTokens[attempt.Index], attempt.Capacity.FreeTokens, path.Caller);

    private static void Name(CallPath path) =>
        path.Caller = path.Caller != 0 ? path.Caller : CallerKey.Of(path.Call.Principal.Id, path.Call.RouteName, path.Call.Request);

    private async ValueTask<CallResult> QueueAndCallAsync(CallPath path, Attempt attempt, IAnswerSink sink)
    {
        var asked = rooms.Time.NowMs();
        var entered = await QueueAsync(path, attempt).ConfigureAwait(false);
        path.QueuedMs += rooms.Time.NowMs() - asked;
        attempt.TurnedAway = entered.Verdict == TicketVerdict.Full;
        return entered.Verdict == TicketVerdict.Granted
            ? await CallAsync(path, attempt, sink, entered.Ticket).ConfigureAwait(false)
            : Failed(NoTicket(attempt, entered));
    }

    /// <summary>Waits no longer than an attempt may: with another candidate left, its door may be open.</summary>
    private async ValueTask<TicketResult> QueueAsync(CallPath path, Attempt attempt)
    {
        var waitMs = path.Chain.HasOtherDoor(attempt.Place, rooms.Time.NowMs()) ? ImpatientMs : rooms.Scheduler.Options.QueueWaitMs;
        var flow = path.Call.Principal.Team.Length > 0 ? path.Call.Principal.Team : path.Call.Principal.User;
        var cost = (int)Math.Min(int.MaxValue, path.Bounds[attempt.Index].Tokens);
        Name(path);
        attempt.Watch.Start(waitMs, waitMs, waitMs, waitsForWork: false, LeftMs(path), path.Cancel);
        try
        {
            return await rooms.Scheduler.WaitAsync(attempt.Candidate.Door, path.Call.Lane, flow, cost, attempt.Watch.Token, NeedOf(path, attempt)).ConfigureAwait(false);
        }
        finally
        {
            attempt.Watch.Stop();
        }
    }

    private static ModelError NoTicket(Attempt attempt, in TicketResult result)
    {
        var verdict = result.Verdict;
        if (verdict == TicketVerdict.Left && attempt.Watch.Cause == ErrorCause.Cancelled)
        {
            return new ModelError(ErrorCause.Cancelled, "The caller cancelled the call while it waited.");
        }

        var what = verdict == TicketVerdict.Full
            ? "has its queue full for this lane, or one that would take too long (scheduler)"
            : "had no free place in time (scheduler.queueWaitMs)";
        var retry = result.ForeseenMs > 0 ? TimeSpan.FromMilliseconds(result.ForeseenMs) : BusyRetry;
        return new ModelError(
            ErrorCause.Overloaded, $"'{attempt.Candidate.Label}' {what}; come back after the time told, or add another candidate to the route.", RetryAfter: retry);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    private async ValueTask<CallResult> CallAsync(CallPath path, Attempt attempt, IAnswerSink sink, Ticket ticket)
    {
        using var place = ticket;
        if (Shape(path, attempt) is { IsNone: false } unsupported)
        {
            return Failed(unsupported);
        }

        // What the box does for nothing may be done again.
        if (path.Call.BeforeAttempt is { } announce && CeilingOf(path, attempt) is var most && (most.MicroUsd > 0 || attempt.Candidate.Traits.LeavesBox))
        {
            await announce(most).ConfigureAwait(false);
        }

        var (firstMs, stallMs) = Timeouts(path, attempt);
        var isStated = path.Route.StallTimeoutMs(path.Candidates.LinkOf(attempt.Index)) > 0;
        var hasRescuer = _rescue.HasRescuer(path, attempt);
        var committedMs = isStated ? stallMs : hasRescuer ? RescuableStallMs : CommittedStallMs;
        var waitsForWork = !isStated && !hasRescuer && stallMs == LastCandidateMs;
        attempt.BeganMs = rooms.Time.NowMs();
        attempt.Watch.Start(firstMs, path.Shown.IsLost ? committedMs : stallMs, committedMs, waitsForWork, LeftMs(path), path.Cancel);
        try
        {
            // The other of two may have begun while this one waited for its place.
            if (sink is RaceLane { Lost: true })
            {
                return Failed(new ModelError(ErrorCause.Cancelled, "Another candidate has begun."));
            }

            attempt.Called = true;
            path.NoteAttempt(attempt.Candidate, isHedge: sink is RaceLane && attempt != path.First);
            attempt.Candidate.Health.Begin();

            // 5, 6
            return await RedactAndCallAsync(path, attempt, sink).ConfigureAwait(false);
        }
        finally
        {
            attempt.Watch.Stop();
            attempt.EndedMs = rooms.Time.NowMs();
            if (attempt.Called)
            {
                attempt.Candidate.Health.End();
            }
        }
    }

    /// <summary>Internal data leaves the box with placeholders in it; the values return on the answer's way to the reader.</summary>
    private ValueTask<CallResult> RedactAndCallAsync(CallPath path, Attempt attempt, IAnswerSink sink) =>
        attempt.Candidate.Traits.LeavesBox && path.DataClass == DataClass.Internal && rooms.Redactor is { } redactor
            ? CallRedactedAsync(path.Redaction ??= redactor.Begin(), attempt, sink)
            : CallAdapterAsync(attempt, sink);

    private static async ValueTask<CallResult> CallRedactedAsync(RedactionSession redaction, Attempt attempt, IAnswerSink sink)
    {
        var error = redaction.Redact(attempt.Request);
        try
        {
            return error.IsNone ? await CallAdapterAsync(attempt, redaction.Restoring(sink)).ConfigureAwait(false) : Failed(error);
        }
        finally
        {
            redaction.Undo(attempt.Request);
        }
    }

    /// <summary>An exception is a defect of the adapter; it must cost this call an attempt, not the appliance its other calls.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    private static async ValueTask<CallResult> CallAdapterAsync(Attempt attempt, IAnswerSink sink)
    {
        try
        {
            return await attempt.Candidate.Adapter.CallAsync(attempt.Request, sink, attempt.Watch.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return CallResult.Failed(ErrorCause.Cancelled, "The call was cancelled.") with { Quality = UsageQuality.Estimated };
        }
#pragma warning disable CA1031 // Whatever it threw, the money must be settled.
        catch (Exception defect)
#pragma warning restore CA1031
        {
            var message = $"The adapter of '{attempt.Candidate.Label}' failed unexpectedly: {defect.GetType().Name}: {defect.Message}";
            return CallResult.Failed(ErrorCause.Internal, message) with { Quality = UsageQuality.Estimated };
        }
    }

    private static ModelError Cancelled(CallPath path, Attempt attempt) => attempt.Watch.Cause switch
    {
        ErrorCause.FirstTokenTimeout or ErrorCause.Stalled when attempt.Watch.IsLate => new ModelError(
            attempt.Watch.Cause,
            $"The call's deadline passed while '{attempt.Candidate.Label}' {(attempt.Watch.Cause == ErrorCause.Stalled ? "answered" : "had not begun to answer")}; "
                + "allow more time or ask for less."),
        ErrorCause.FirstTokenTimeout => new ModelError(
            ErrorCause.FirstTokenTimeout,
            $"'{attempt.Candidate.Label}' had not begun to answer in time; raise the route's firstTokenTimeoutMs if it is only slow."),
        ErrorCause.Stalled => new ModelError(
            ErrorCause.Stalled,
            $"'{attempt.Candidate.Label}' fell silent inside its answer; raise the route's stallTimeoutMs if it is only slow."),
        ErrorCause.Malformed => new ModelError(
            ErrorCause.Malformed,
            $"The answer of '{attempt.Candidate.Label}' is longer than {HeldAnswer.BytesMax} bytes, the most that is held back; use the commit policy first_token."),
        _ => new ModelError(ErrorCause.Cancelled, path.Sink.ReaderLeft ? "Nobody reads the answer any more." : "The caller cancelled the call."),
    };

    /// <summary>Under a cap the answer may not outgrow what was reserved, so the caller's own bytes can no longer pass through unchanged.</summary>
    private static ModelError Shape(CallPath path, Attempt attempt)
    {
        var request = attempt.Request;
        path.Originals.Restore(request);
        request.Model = attempt.Candidate.ModelUtf8;
        request.Priority = (int)path.Call.Lane;
        request.Hold = attempt.Hold;
        request.DataClass = (int)path.DataClass;
        RescueStep.Shape(path, request);
        if (!path.Reservation.HasCaps || request.MaxOutputTokens != 0 || request.Operation != ModelOperation.Generate)
        {
            return default;
        }

        request.MaxOutputTokens = Math.Max(1, path.Bounds[attempt.Index].Usage.OutputTokens / Math.Max(1, request.Choices));
        request.BodyShape = ApiShape.None;
        return request.VerbatimOnly.Length == 0
            ? default
            : new ModelError(
                ErrorCause.UnsupportedField,
                $"'{request.VerbatimOnly}' can be honoured only by sending the request on as it is, and a budget must limit its answer: say how long it may be.",
                request.VerbatimOnly);
    }

    /// <summary>All that is held: the worst case of this attempt beside what those before it used, and of the one that runs beside it.</summary>
    private static CallCeiling CeilingOf(CallPath path, Attempt attempt)
    {
        var held = path.Reservation.Held;
        var input = Math.Min(held.Tokens, path.Usage.InputTokens + (long)path.Bounds[attempt.Index].Usage.InputTokens);
        return new CallCeiling(input, held.Tokens - input, held.MicroUsd);
    }

    private (long FirstMs, long StallMs) Timeouts(CallPath path, Attempt attempt)
    {
        var usual = !path.Chain.HasOther(attempt.Place, rooms.Time.NowMs()) ? LastCandidateMs : path.Shown.IsLost ? RescueFirstMs : ImpatientMs;
        var first = path.Route.FirstTokenTimeoutMs(path.Candidates.LinkOf(attempt.Index));
        var stall = path.Route.StallTimeoutMs(path.Candidates.LinkOf(attempt.Index));
        return (first > 0 ? first : usual, stall > 0 ? stall : usual);
    }

    private static CallResult Failed(in ModelError error) => new() { Error = error, Reason = FinishReason.Error };
}
