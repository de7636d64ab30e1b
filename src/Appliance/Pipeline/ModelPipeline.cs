using System.Runtime.CompilerServices;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Router;
using Jesus.Inference.Contract;
using Jesus.Transport.Pooling;
using Jesus.Transport.Timing;

namespace Jesus.Appliance.Pipeline;

/// <summary>The path of one model call; every caller takes it, and nothing else calls an adapter. Thread-safe.</summary>
public sealed class ModelPipeline
{
    private readonly PipelineRooms _rooms;
    private readonly AttemptLoop _attempts;
    private readonly CallRecorder _recorder;
    private readonly CallPlanner _planner;
    private readonly ReserveStep _reserve;
    private readonly CallPathPool _paths;
    private readonly CacheStep _cache;

    public ModelPipeline(PipelineRooms rooms)
    {
        _rooms = rooms;
        _planner = new CallPlanner(rooms);
        _attempts = new AttemptLoop(rooms);
        _reserve = new ReserveStep(rooms);
        _recorder = new CallRecorder(rooms.Journal);
        _paths = new CallPathPool(rooms);
        _cache = new CacheStep(rooms.Time);
    }

    /// <summary>Runs one call to its end. The answer streams into <paramref name="sink"/>; expected failures are in the outcome.</summary>
    /// <remarks>An outcome without attempts was refused at the door (admission, routing, budget); <see cref="Outcome.Error"/> says by what.</remarks>
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    public async ValueTask<Outcome> RunAsync(ModelCall call, IAnswerSink sink, CancellationToken cancel)
    {
        var path = _paths.Rent();
        path.Begin(call, _rooms.Time.NowMs(), cancel);
        try
        {
            try
            {
                // 1, 2, the answers kept, 3
                if (Admit(path) && Route(path, sink) && !_cache.TryAnswer(path) && await ReserveAsync(path, sink).ConfigureAwait(false))
                {
                    // 4, 5, 6 per attempt
                    await _attempts.RunAsync(path).ConfigureAwait(false);
                }
            }
            finally
            {
                // 7, 8
                await SettleAsync(path).ConfigureAwait(false);
                _recorder.Write(path, _rooms.Time.NowMs());
            }

            // 9
            await FinishAsync(path, sink).ConfigureAwait(false);
            return path.ToOutcome();
        }
        finally
        {
            _paths.Return(path);
        }
    }

    /// <summary>What would be done with a call, without calling, holding or recording anything.</summary>
    public RouteExplanation Explain(ModelCall call)
    {
        var path = _paths.Rent();
        path.Begin(call, _rooms.Time.NowMs(), CancellationToken.None);
        try
        {
            _ = _planner.Plan(path);
            return RouteExplanation.Of(path, _planner.FactsOf(path), _planner.PeersOf(path), _rooms.Time.NowMs());
        }
        finally
        {
            _paths.Return(path);
        }
    }

    private bool Admit(CallPath path)
    {
        var call = path.Call;
        path.Error = _rooms.Admission.Enter(path.Pass, call.Principal, call.Lane, call.RouteName, call.Request, path.StartedMs, out var figures);
        call.RateLimits = figures;
        return path.Error.IsNone;
    }

    private bool Route(CallPath path, IAnswerSink sink)
    {
        var planned = _planner.Plan(path);
        path.Sink.Begin(sink, path.Route.Options.Commit);
        return planned;
    }

    /// <summary>A soft cap refuses nobody: where its route cannot take the call, the call's own route does, as cheaply as it can.</summary>
    private bool Reroute(CallPath path, IAnswerSink sink)
    {
        var own = path.Route;
        var planned = _planner.PlanInstead(path, path.Table!.Find(path.RerouteTo)!);
        if (!planned)
        {
            path.Call.Decisions.Add(new Decision(path.RerouteTo, "cannot take what a soft cap sends there", path.Error.Cause));
            path.Reservation.PassesSoftCaps = false;
            planned = _planner.PlanInstead(path, own);
        }

        path.Sink.Begin(sink, path.Route.Options.Commit);
        return planned;
    }

    private async ValueTask<bool> ReserveAsync(CallPath path, IAnswerSink sink)
    {
        _reserve.Open(path);
        var outcome = await _reserve.RunAsync(path).ConfigureAwait(false);
        if (outcome == ReserveOutcome.Reroute)
        {
            if (!Reroute(path, sink) || _cache.TryAnswer(path))
            {
                return false;
            }

            outcome = await _reserve.RunAsync(path).ConfigureAwait(false);
        }

        return outcome == ReserveOutcome.Reserved;
    }

    /// <summary>Completes at once but where more was used than was durable as taken: then that is made durable first.</summary>
    private ValueTask SettleAsync(CallPath path)
    {
        var isCount = path.Call.Request.Operation == ModelOperation.CountTokens;
        var tokens = isCount ? 0 : path.Usage.InputTokens + (long)path.Usage.OutputTokens;
        _rooms.Admission.Leave(path.Pass, tokens, _rooms.Time.NowMs());
        return _rooms.Budgets.SettleAsync(path.Reservation, new Amount(path.CostMicroUsd, tokens));
    }

    private async ValueTask FinishAsync(CallPath path, IAnswerSink reader)
    {
        if (path.Cached is { } answer)
        {
            await CacheStep.ReplayAsync(path, answer, reader).ConfigureAwait(false);
        }
        else
        {
            await path.Sink.FinishAsync(path.Succeeded, path.Reason).ConfigureAwait(false);
            _cache.Keep(path);
        }

        PipelineMetrics.Finished(path, _rooms.Time.NowMs());
    }
}
