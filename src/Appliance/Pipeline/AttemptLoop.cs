using System.Runtime.CompilerServices;
using Jesus.Appliance.Router;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Jesus.Transport.Pooling;
using Jesus.Transport.Timing;

namespace Jesus.Appliance.Pipeline;

/// <summary>
/// Steps 4 to 6 for one candidate after another, as the <see cref="AttemptChain"/> decides, until one answers or nothing is left. Where the route hedges,
/// a second one is called beside a first that does not begin in time.
/// </summary>
internal sealed class AttemptLoop(PipelineRooms rooms)
{
    private readonly AttemptRunner _runner = new(rooms);
    private readonly AttemptLedger _ledger = new(rooms);
    private readonly RescueStep _rescue = new(rooms);

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder))]
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

            if (step.Move == ChainMove.Try && path.Shown.NeedsAlike && !_rescue.MayContinue(path, step.Place))
            {
                continue;
            }

            if (step.Move == ChainMove.Try && await TryAsync(path, step.Place, left).ConfigureAwait(false))
            {
                return;
            }

            left = step.Move == ChainMove.Try ? path.Candidates[path.Plan[step.Place]] : left;
        }
    }

    private void Begin(CallPath path)
    {
        var now = rooms.Time.NowMs();
        path.Route.Hedges?.Called();
        var dice = rooms.Dice();
        RescueStep.Begin(path, dice);
        path.Chain.Begin(path.Plan.Count, path.Route.Options.Retries, dice);
        path.Chain.AsksDoorsAgain = path.Call.Lane != Lane.Interactive;
        for (var place = 0; place < path.Plan.Count; place++)
        {
            var candidate = path.Candidates[path.Plan[place]];
            path.Chain.Name(place, candidate.Name);
            var cooldown = candidate.Health.State.CooldownUntilMs;
            if (cooldown > now)
            {
                path.Chain.HoldBack(place, cooldown);
                path.Error = new ModelError(
                    ErrorCause.RateLimited,
                    $"'{candidate.Label}' asked to be left alone for {(cooldown - now + 999) / 1000} s more.",
                    RetryAfter: TimeSpan.FromMilliseconds(cooldown - now));
            }
        }
    }

    private long DeadlineMs(CallPath path)
    {
        var left = _runner.LeftMs(path);
        return left == long.MaxValue ? left : rooms.Time.NowMs() + left;
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
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    private async ValueTask<bool> TryAsync(CallPath path, int place, Candidate? left)
    {
        var attempt = path.First;
        attempt.Begin(path, place, path.Call.Request);
        if (path.Shown.IsLost)
        {
            RescueStep.Begin(path, attempt);
        }

        if (!await _ledger.AffordAsync(path, attempt.Index).ConfigureAwait(false))
        {
            return true;
        }

        if (left is not null && left != attempt.Candidate && !path.Shown.IsLost)
        {
            PipelineMetrics.FellBack(left, attempt.Candidate, path.Error.Cause);
        }

        path.Sink.BeginAttempt();
        path.Sink.Follow(attempt.Watch);
        if (HedgeAfterMs(path, attempt) is >= 0 and var afterMs)
        {
            return await HedgeAsync(path, attempt, afterMs).ConfigureAwait(false);
        }

        var result = await _runner.RunAsync(path, attempt, path.Sink).ConfigureAwait(false);
        return await ConcludeAsync(path, attempt, AttemptRunner.Interpret(path, attempt, result)).ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    private async ValueTask<bool> ConcludeAsync(CallPath path, Attempt attempt, CallResult result)
    {
        _ledger.Charge(path, attempt, result);
        NoteHealth(path, attempt, result);
        var over = Judge(path, attempt, result);
        if (result.Succeeded)
        {
            await path.Sink.ReleaseAsync().ConfigureAwait(false);
        }

        return over;
    }

    /// <summary>When a second candidate is called; -1 for never. Not where values are redacted: placeholders belong to one request.</summary>
    private long HedgeAfterMs(CallPath path, Attempt attempt)
    {
        if (path.Route.Options.Hedge is not { } hedge || path.Shown.NeedsAlike || path.DataClass == DataClass.Internal || path.Call.Request.Operation == ModelOperation.CountTokens
            || !path.Chain.HasOther(attempt.Place, rooms.Time.NowMs()))
        {
            return -1;
        }

        return hedge.AfterMs > 0 ? hedge.AfterMs : attempt.Candidate.Health.FirstTokenPercentile(hedge.Percentile);
    }

    /// <summary>
    /// Runs the first attempt and, when it is late, a second beside it. Both are waited for and paid before the call goes on: a cancelled one stays ours
    /// until its adapter has returned.
    /// </summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    private async ValueTask<bool> HedgeAsync(CallPath path, Attempt first, long afterMs)
    {
        var race = path.Hedge ??= new HedgeRace(rooms.Time);
        race.Begin(path, afterMs);
        var one = RunFirstAsync(path, first, race);
        var hedged = false;
        CallResult firstResult;
        CallResult secondResult = default;
        try
        {
            hedged = await race.IsLateAsync().ConfigureAwait(false) && await MaySecondAsync(path, first, race).ConfigureAwait(false);
            secondResult = hedged ? await RunSecondAsync(path, race).ConfigureAwait(false) : default;
        }
        finally
        {
            firstResult = await one.ConfigureAwait(false);
            race.End();
        }

        return await JudgeRaceAsync(path, race, firstResult, hedged, secondResult).ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    private async ValueTask<CallResult> RunFirstAsync(CallPath path, Attempt first, HedgeRace race)
    {
        try
        {
            return await _runner.RunAsync(path, first, race.One).ConfigureAwait(false);
        }
        finally
        {
            race.FirstEnded();
        }
    }

    /// <summary>The hedge is within the route's share and cost, and both worst cases are held.</summary>
    private async ValueTask<bool> MaySecondAsync(CallPath path, Attempt first, HedgeRace race)
    {
        var place = path.Chain.Other(first.Place, rooms.Time.NowMs());
        if (place < 0)
        {
            return false;
        }

        race.Second.Begin(path, place, race.Request);
        var index = race.Second.Index;
        var maxCost = path.Route.Options.Hedge!.MaxCostUsd * 1_000_000m;
        if (maxCost > 0 && (path.Prices[index].IsUnknown || path.Bounds[index].MicroUsd > maxCost))
        {
            path.Call.Decisions.Add(new Decision(race.Second.Candidate.Label, "not hedged: over hedge.maxCostUsd"));
            return false;
        }

        return path.Route.Hedges!.TryTake() && await _ledger.AffordBesideAsync(path, first.Index, index).ConfigureAwait(false);
    }

    private async ValueTask<CallResult> RunSecondAsync(CallPath path, HedgeRace race)
    {
        race.Request.CopyFrom(path.Call.Request);
        return await _runner.RunAtOnceAsync(path, race.Second, race.Two).ConfigureAwait(false);
    }

    private async ValueTask<bool> JudgeRaceAsync(CallPath path, HedgeRace race, CallResult first, bool hedged, CallResult second)
    {
        // Answers without any content: whoever ended well is the answer.
        _ = race.Winner == 0 && first.Succeeded && await race.One.WinAtEndAsync().ConfigureAwait(false);
        _ = race.Winner == 0 && hedged && second.Succeeded && await race.Two.WinAtEndAsync().ConfigureAwait(false);
        if (!hedged)
        {
            return await ConcludeAsync(path, path.First, AttemptRunner.Interpret(path, path.First, first)).ConfigureAwait(false);
        }

        PipelineMetrics.Hedged(path.Route, race.Winner == 2);
        if (race.Winner == 2)
        {
            Lose(path, path.First, first);
            return await ConcludeAsync(path, race.Second, AttemptRunner.Interpret(path, race.Second, second)).ConfigureAwait(false);
        }

        if (race.Winner == 1)
        {
            Lose(path, race.Second, second);
            return await ConcludeAsync(path, path.First, AttemptRunner.Interpret(path, path.First, first)).ConfigureAwait(false);
        }

        var over = await ConcludeAsync(path, path.First, AttemptRunner.Interpret(path, path.First, first)).ConfigureAwait(false);
        return await ConcludeAsync(path, race.Second, AttemptRunner.Interpret(path, race.Second, second)).ConfigureAwait(false) || over;
    }

    /// <summary>The other began first. What this one used is paid; only a failure of its own speaks against it.</summary>
    private void Lose(CallPath path, Attempt attempt, in CallResult result)
    {
        _ledger.Charge(path, attempt, result);
        var failed = !result.Succeeded && result.Error.Cause != ErrorCause.Cancelled;
        if (failed)
        {
            NoteHealth(path, attempt, result);
            FailInChain(path, attempt, result.Error, fallsBack: true);
        }

        path.Call.Decisions.Add(new Decision(attempt.Candidate.Label, failed ? "failed" : "began later and was cancelled", failed ? result.Error.Cause : ErrorCause.None));
    }

    private void NoteHealth(CallPath path, Attempt attempt, in CallResult result)
    {
        if (!attempt.Called)
        {
            return;
        }

        var health = attempt.Candidate.Health;
        if (!result.Succeeded)
        {
            health.Failed(result.Error.Cause, result.Error.RetryAfter, attempt.EndedMs);
            if (result.Error.Cause == ErrorCause.FirstTokenTimeout)
            {
                health.Measured(attempt.EndedMs - attempt.BeganMs, 0, 0, attempt.EndedMs);
            }

            return;
        }

        health.Succeeded();
        if (path.Sink.AttemptContentMs is > 0 and var content)
        {
            health.Measured(Math.Max(0, content - attempt.BeganMs), attempt.EndedMs - content, result.Usage.OutputTokens, attempt.EndedMs);
        }
    }

    private bool Judge(CallPath path, Attempt attempt, in CallResult result)
    {
        var error = result.Error;
        path.Error = error;
        path.Reason = result.Succeeded ? Reason(path, result) : error.Cause == ErrorCause.Cancelled ? FinishReason.Cancelled : FinishReason.Error;
        if (result.Succeeded && path.Shown.IsLost)
        {
            RescueStep.Succeed(path, attempt);
        }

        path.Call.Decisions.Add(new Decision(attempt.Candidate.Label, result.Succeeded ? DecisionLog.Answered : "failed", error.Cause));
        if (result.Succeeded)
        {
            path.Answered = attempt.Candidate;
            return true;
        }

        if (_rescue.Lose(path, attempt, result))
        {
            path.Answered = path.Shown.LostBy;
            FailInChain(path, attempt, error, fallsBack: true);
            return false;
        }

        var over = path.Sink.Committed || error.Cause == ErrorCause.Cancelled;
        path.Answered = path.Sink.Committed ? attempt.Candidate : null;
        FailInChain(path, attempt, error, !over && path.Route.FallsBackOn(path.Candidates.LinkOf(attempt.Index), error.Cause));
        return over;
    }

    private void FailInChain(CallPath path, Attempt attempt, in ModelError error, bool fallsBack)
    {
        // An answer that is half shown has no other way to its end.
        path.Chain.AsksDoorsAgain |= path.Shown.IsLost;
        path.Chain.Failed(attempt.Place, error.Cause, fallsBack, (long)error.RetryAfter.TotalMilliseconds, rooms.Time.NowMs(), attempt.TurnedAway);
    }

    private static FinishReason Reason(CallPath path, in CallResult result) => result.Reason != FinishReason.None ? result.Reason
        : path.Sink.Reason != FinishReason.None ? path.Sink.Reason : FinishReason.Stop;

    private static void GiveUp(CallPath path)
    {
        if (path.Shown.IsLost)
        {
            RescueStep.GiveUp(path);
        }

        if (path.Error.IsNone)
        {
            path.Error = new ModelError(ErrorCause.Cancelled, "The call's deadline passed before a candidate could be tried.");
        }

        path.Reason = path.Error.Cause == ErrorCause.Cancelled ? FinishReason.Cancelled : FinishReason.Error;
    }
}
