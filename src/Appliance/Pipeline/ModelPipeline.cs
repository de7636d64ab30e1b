using System.Runtime.CompilerServices;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>The path of one model call; every caller takes it, and nothing else calls an adapter. Thread-safe.</summary>
public sealed class ModelPipeline
{
    private readonly PipelineRooms _rooms;
    private readonly AttemptLoop _attempts;
    private readonly CallRecorder _recorder;
    private readonly CallPathPool _paths;

    public ModelPipeline(PipelineRooms rooms)
    {
        _rooms = rooms;
        _attempts = new AttemptLoop(rooms);
        _recorder = new CallRecorder(rooms.Journal);
        _paths = new CallPathPool(rooms.Time);
    }

    /// <summary>Runs one call to its end. The answer streams into <paramref name="sink"/>; expected failures are in the outcome.</summary>
    /// <remarks>An outcome without attempts was refused at the door (admission, routing, budget); <see cref="Outcome.Error"/> says by what.</remarks>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<Outcome> RunAsync(ModelCall call, IAnswerSink sink, CancellationToken cancel)
    {
        var path = _paths.Rent();
        path.Begin(call, _rooms.Time.NowMs(), cancel);
        try
        {
            try
            {
                // 1, 2, 3
                if (Admit(path) && Route(path, sink) && await ReserveAsync(path).ConfigureAwait(false))
                {
                    // 4, 5, 6 per attempt
                    await _attempts.RunAsync(path).ConfigureAwait(false);
                }
            }
            finally
            {
                // 7, 8
                Settle(path);
                _recorder.Write(path, _rooms.Time.NowMs());
            }

            // 9
            await FinishAsync(path).ConfigureAwait(false);
            return path.ToOutcome();
        }
        finally
        {
            _paths.Return(path);
        }
    }

    private bool Admit(CallPath path)
    {
        path.Error = _rooms.Admission.Enter(path.Call.Principal, path.Call.Request, path.StartedMs);
        return path.Admitted = path.Error.IsNone;
    }

    private bool Route(CallPath path, IAnswerSink sink)
    {
        var route = _rooms.Routes.Current.Find(path.Call.RouteName);
        if (route is null)
        {
            path.Error = UnknownRoute(path.Call.RouteName);
            return false;
        }

        path.Route = route;
        path.Call.RouteTaken = route.Name;
        path.Fit(route.Candidates.Count);
        path.Sink.Begin(sink, route.Options.Commit);
        CountInputs(path);
        path.DataClass = ClassOf(path);
        var facts = new PlanFacts(path.DataClass, _rooms.Redactor is not null, path.StartedMs, _rooms.Dice());
        path.Error = RoutePlanner.Plan(route, facts, path.InputTokens.AsSpan(0, route.Candidates.Count), path.Plan, path.Call.Decisions);
        return path.Error.IsNone;
    }

    /// <summary>The dearest candidate is what must be affordable; one that is not is left out, and the next dearest tried.</summary>
    private async ValueTask<bool> ReserveAsync(CallPath path)
    {
        var principal = path.Call.Principal;
        _rooms.Budgets.Open(path.Reservation, new BudgetScopes(
            principal.User, principal.Team, principal.Organisation, path.Call.RunId, new Amount(path.Call.RunCapMicroUsd, path.Call.RunCapTokens)));
        SetBounds(path);
        while (path.Plan.Count > 0)
        {
            var worst = WorstOf(path);
            var refusal = await _rooms.Budgets.ReserveAsync(path.Reservation, worst).ConfigureAwait(false);
            if (refusal.IsNone)
            {
                path.Error = default;
                path.RefusedByBudget = null;
                return true;
            }

            path.RefusedByBudget = refusal.Key.Display;
            path.Error = new ModelError(ErrorCause.Refused, refusal.Message);
            LeaveOutDearest(path, worst);
        }

        return false;
    }

    private void Settle(CallPath path)
    {
        _rooms.Budgets.Settle(path.Reservation, new Amount(path.CostMicroUsd, path.Usage.InputTokens + (long)path.Usage.OutputTokens));
        if (path.Admitted)
        {
            _rooms.Admission.Leave(path.Call.Principal);
        }
    }

    private async ValueTask FinishAsync(CallPath path)
    {
        await path.Sink.FinishAsync(path.Succeeded, path.Reason).ConfigureAwait(false);
        PipelineMetrics.Finished(path, _rooms.Time.NowMs());
    }

    private static void CountInputs(CallPath path)
    {
        for (var i = 0; i < path.Route.Candidates.Count; i++)
        {
            var candidate = path.Route.Candidates[i];
            path.Call.Request.Model = candidate.ModelUtf8;
            path.InputTokens[i] = candidate.Adapter.CountInputTokens(path.Call.Request);
        }
    }

    private void SetBounds(CallPath path)
    {
        var at = path.Call.PricedAt == default ? _rooms.Time.GetUtcNow() : path.Call.PricedAt;
        var request = path.Call.Request;
        foreach (var index in path.Plan)
        {
            var candidate = path.Route.Candidates[index];
            var price = _rooms.Prices.Find(candidate.Name, candidate.Provider, candidate.Traits.LeavesBox, at);
            path.Prices[index] = price;
            path.Bounds[index] = CallBound.Of(
                price, path.InputTokens[index], request.MaxOutputTokens, candidate.Traits.MaxOutputTokens, candidate.Traits.ContextTokens, request.Choices, images: 0);
        }

        if (path.Reservation.CapsMoney && !path.Route.Options.AllowUnpriced)
        {
            LeaveOutUnpriced(path);
        }
    }

    private static void LeaveOutUnpriced(CallPath path)
    {
        for (var i = path.Plan.Count - 1; i >= 0; i--)
        {
            if (path.Prices[path.Plan[i]].IsUnknown)
            {
                var name = path.Route.Candidates[path.Plan[i]].Name;
                path.Call.Decisions.Add(new Decision(name, "skipped: no price, and a cap of money applies", ErrorCause.Refused));
                path.Error = new ModelError(ErrorCause.Refused, $"A cap of money applies, but nothing says what '{name}' costs; add a line under prices.");
                path.Plan.RemoveAt(i);
            }
        }
    }

    private static Amount WorstOf(CallPath path)
    {
        var worst = default(Amount);
        foreach (var index in path.Plan)
        {
            worst = Amount.Max(worst, new Amount(path.Bounds[index].MicroUsd, path.Bounds[index].Tokens));
        }

        return worst;
    }

    private static void LeaveOutDearest(CallPath path, Amount worst)
    {
        for (var i = path.Plan.Count - 1; i >= 0; i--)
        {
            var bound = path.Bounds[path.Plan[i]];
            if (bound.MicroUsd == worst.MicroUsd || bound.Tokens == worst.Tokens)
            {
                path.Call.Decisions.Add(new Decision(path.Route.Candidates[path.Plan[i]].Name, "skipped: over budget", ErrorCause.Refused));
                path.Plan.RemoveAt(i);
            }
        }
    }

    private static DataClass ClassOf(CallPath path) =>
        path.Call.DataClass > path.Route.DataClass ? path.Call.DataClass : path.Route.DataClass;

    private static ModelError UnknownRoute(string name) => name.Length == 0
        ? new ModelError(ErrorCause.ModelNotFound, "The call names no model, and no default is set; name one (jesus models list), or set routes.default.", "model")
        : new ModelError(ErrorCause.ModelNotFound, $"No route or model is named '{name}'; 'jesus models list' shows what there is.", "model");
}
