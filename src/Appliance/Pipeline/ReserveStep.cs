using Jesus.Appliance.Budgets;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

internal enum ReserveOutcome : byte
{
    Reserved,
    Refused,

    /// <summary>A soft cap is reached and names another route: <see cref="CallPath.RerouteTo"/>.</summary>
    Reroute,
}

/// <summary>
/// Step 3: holds the worst case of the dearest candidate that the caps can bear, and its tokens of the rate limits. What a hard cap cannot bear is left out; a
/// soft cap only makes the call cheaper.
/// </summary>
internal sealed class ReserveStep(PipelineRooms rooms)
{
    /// <summary>Finds the accounts of a call; once, before <see cref="RunAsync"/>.</summary>
    public void Open(CallPath path)
    {
        var principal = path.Call.Principal;
        rooms.Budgets.Open(path.Reservation, new BudgetScopes(
            principal.User, principal.Team, principal.Organisation, path.Call.RunId, new Amount(path.Call.RunCapMicroUsd, path.Call.RunCapTokens), principal.Id));
    }

    /// <summary>The dearest candidate is what must be affordable; one that is not is left out, and the next dearest tried.</summary>
    public async ValueTask<ReserveOutcome> RunAsync(CallPath path)
    {
        if (path.Reservation.CapsMoney && !path.Route.Options.AllowUnpriced && path.Call.Request.Operation != ModelOperation.CountTokens)
        {
            LeaveOutUnpriced(path);
        }

        while (path.Plan.Count > 0)
        {
            var worst = WorstOf(path);
            var refusal = await rooms.Budgets.ReserveAsync(path.Reservation, worst).ConfigureAwait(false);
            if (refusal.IsNone)
            {
                return TakeTokens(path, worst);
            }

            if (!refusal.IsSoft)
            {
                path.RefusedByBudget = refusal.Key.Display;
                path.Error = new ModelError(ErrorCause.Refused, refusal.Message, RetryAfter: rooms.Budgets.UntilRenewal(refusal));
                LeaveOutDearest(path, worst, refusal.IsOfMoney, "skipped: over budget");
            }
            else if (Yield(path, refusal, worst))
            {
                return ReserveOutcome.Reroute;
            }
        }

        return ReserveOutcome.Refused;
    }

    private ReserveOutcome TakeTokens(CallPath path, Amount worst)
    {
        path.Error = default;
        path.RefusedByBudget = null;
        path.Reservation.PassesSoftCaps = true;
        var figures = path.Call.RateLimits;
        path.Error = rooms.Admission.TakeTokens(path.Pass, worst.Tokens, path.StartedMs, ref figures);
        path.Call.RateLimits = figures;
        return path.Error.IsNone ? ReserveOutcome.Reserved : ReserveOutcome.Refused;
    }

    /// <summary>A soft cap is reached: its own route, else the cheaper candidates, else the cheapest although it passes the cap.</summary>
    private bool Yield(CallPath path, in BudgetRefusal refusal, Amount worst)
    {
        path.Call.Decisions.Add(new Decision(refusal.Key.Display, "soft cap reached", ErrorCause.None));
        if (!path.Call.IsPinned && path.RerouteTo.Length == 0 && refusal.Route.Length > 0 && refusal.Route != path.Route.Name && path.Table!.Find(refusal.Route) is not null)
        {
            path.RerouteTo = refusal.Route;
            path.Reservation.PassesSoftCaps = true;
            return true;
        }

        if (HasCheaper(path, worst, refusal.IsOfMoney))
        {
            LeaveOutDearest(path, worst, refusal.IsOfMoney, "skipped: dearer than a soft cap bears");
        }
        else
        {
            path.Reservation.PassesSoftCaps = true;
        }

        return false;
    }

    private static void LeaveOutUnpriced(CallPath path)
    {
        for (var i = path.Plan.Count - 1; i >= 0; i--)
        {
            if (path.Prices[path.Plan[i]].IsUnknown)
            {
                var name = path.Candidates[path.Plan[i]].Name;
                path.Call.Decisions.Add(new Decision(path.Candidates[path.Plan[i]].Label, "skipped: no price, and a cap of money applies"));
                path.Error = new ModelError(
                    ErrorCause.Refused,
                    $"A cap of money applies, but nothing says what '{name}' costs; add a line under prices, or set allowUnpriced on the route.");
                path.Plan.RemoveAt(i);
            }
        }
    }

    private static Amount WorstOf(CallPath path)
    {
        var worst = default(Amount);
        foreach (var index in path.Plan)
        {
            worst = Amount.Max(worst, AmountOf(path.Bounds[index]));
        }

        return worst;
    }

    private static bool HasCheaper(CallPath path, Amount worst, bool ofMoney)
    {
        foreach (var index in path.Plan)
        {
            if (!IsDearest(path.Bounds[index], worst, ofMoney))
            {
                return true;
            }
        }

        return false;
    }

    private static void LeaveOutDearest(CallPath path, Amount worst, bool ofMoney, string why)
    {
        for (var i = path.Plan.Count - 1; i >= 0; i--)
        {
            if (IsDearest(path.Bounds[path.Plan[i]], worst, ofMoney))
            {
                path.Call.Decisions.Add(new Decision(path.Candidates[path.Plan[i]].Label, why));
                path.Plan.RemoveAt(i);
            }
        }
    }

    /// <summary>In what the cap ran short of: a model that is as long but cheaper may still fit where money refused.</summary>
    private static bool IsDearest(in CallBound bound, Amount worst, bool ofMoney) => ofMoney ? bound.MicroUsd == worst.MicroUsd : bound.Tokens == worst.Tokens;

    private static Amount AmountOf(in CallBound bound) => new(bound.MicroUsd, bound.Tokens);
}
