using Jesus.Appliance.Budgets;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>The money of attempts: what must be held before one, and what one is charged.</summary>
internal sealed class AttemptLedger(PipelineRooms rooms)
{
    /// <summary>What earlier attempts used stays held; this one's worst case must fit beside it.</summary>
    public async ValueTask<bool> AffordAsync(CallPath path, int index)
    {
        var refusal = await HoldAsync(path, Worst(path, index)).ConfigureAwait(false);
        if (!refusal.IsNone)
        {
            path.RefusedByBudget = refusal.Key.Display;
            path.Call.Decisions.Add(new Decision(path.Candidates[index].Label, "not tried: over budget"));
        }

        return refusal.IsNone;
    }

    /// <summary>A second attempt beside one under way: both worst cases must be held before it begins.</summary>
    public async ValueTask<bool> AffordBesideAsync(CallPath path, int index, int second)
    {
        var refusal = await HoldAsync(path, Worst(path, index) + Worst(path, second)).ConfigureAwait(false);
        if (!refusal.IsNone)
        {
            path.Call.Decisions.Add(new Decision(path.Candidates[second].Label, "not hedged: over budget"));
        }

        return refusal.IsNone;
    }

    /// <summary>Charges what the attempt used, or its bound where nobody says.</summary>
    public void Charge(CallPath path, Attempt attempt, in CallResult result)
    {
        if (!attempt.Called)
        {
            return;
        }

        var candidate = attempt.Candidate;
        PipelineMetrics.Attempt(candidate, attempt.EndedMs - attempt.BeganMs);
        if (path.Call.Request.Operation == ModelOperation.CountTokens)
        {
            path.Charge(new Settlement(result.Usage, UsageQuality.Exact, 0));
            return;
        }

        var isHard = !candidate.CountsExactly && (path.Originals.MaxOutputTokens > 0 || path.Reservation.HasCaps);
        var settlement = Settlement.Of(result, path.Bounds[attempt.Index], path.Prices[attempt.Index], isHard, candidate.Traits.StopsWhenCut);
        path.Charge(settlement);
        attempt.Charged = settlement.Usage;
        if (settlement.IsOverrun)
        {
            var bound = path.Bounds[attempt.Index];
            rooms.Budgets.ReportOverrun(path.Reservation, settlement.OverrunOf(candidate.Name, bound), settlement.MicroUsd - bound.MicroUsd);
        }

        PipelineMetrics.Charged(candidate, path.Call.Principal.Team, settlement.Usage, settlement.MicroUsd);
    }

    private ValueTask<BudgetRefusal> HoldAsync(CallPath path, Amount worst)
    {
        var spent = new Amount(path.CostMicroUsd, path.Usage.InputTokens + (long)path.Usage.OutputTokens);
        var more = Amount.Max(default, spent + worst - path.Reservation.Held);
        return more == default ? ValueTask.FromResult(default(BudgetRefusal)) : rooms.Budgets.ReserveAsync(path.Reservation, more);
    }

    private static Amount Worst(CallPath path, int index) => new(path.Bounds[index].MicroUsd, path.Bounds[index].Tokens);
}
