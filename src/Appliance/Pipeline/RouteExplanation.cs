using Jesus.Appliance.Router;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>One candidate as the router saw it.</summary>
/// <param name="Place">From 1, in the order to be tried; 0 when it is left out.</param>
/// <param name="Why">Why it is left out or goes last; empty otherwise.</param>
/// <param name="View">Tokens, price, bound, speed and load.</param>
/// <param name="RestsMs">How long it is better left alone.</param>
public sealed record ExplainedCandidate(
    string Name, int Place, string Why, CandidateView View, bool CountsExactly, int ContextTokens, long RestsMs, int FailuresInARow);

/// <summary>What would be done with a call, and why.</summary>
/// <param name="Rule">The rule that chose the route; empty where the name did.</param>
/// <param name="Peers">Boxes that were looked at for the route's links to peers.</param>
public sealed record RouteExplanation(
    string Asked, string Route, string Rule, RouteOptions Options, Abilities Needs, ModelError Error, IReadOnlyList<ExplainedCandidate> Candidates,
    IReadOnlyList<ExplainedPeer> Peers)
{
    internal static RouteExplanation Of(CallPath path, in PlanFacts facts, IReadOnlyList<ExplainedPeer> peers, long nowMs)
    {
        var rule = path.Call.Decisions.Items.FirstOrDefault(d => d.Verdict == DecisionLog.PlannedByRule).Candidate ?? "";
        var candidates = new List<ExplainedCandidate>();
        for (var i = 0; i < path.Candidates.Count; i++)
        {
            candidates.Add(Explain(path, i, facts, nowMs));
        }

        return new RouteExplanation(
            path.Call.RouteName, path.Route.Name, rule, path.Route.Options, path.Facts.Needs, path.Error, [.. candidates.OrderBy(c => c.Place == 0 ? int.MaxValue : c.Place)],
            peers);
    }

    private static ExplainedCandidate Explain(CallPath path, int index, in PlanFacts facts, long nowMs)
    {
        var candidate = path.Candidates[index];
        var view = path.Views[index];
        CallPlanner.Load(ref view, candidate);
        var state = candidate.Health.State;
        var rests = Math.Max(0, Breaker.RestsUntil(state, nowMs) - nowMs);
        var refused = RoutePlanner.Check(candidate, facts, view.InputTokens);
        var why = !refused.IsNone ? refused.Message : view.Rests ? "rests after failures or at its own wish: tried last" : "";
        return new ExplainedCandidate(
            candidate.Label, path.Plan.IndexOf(index) + 1, why, view, candidate.CountsExactly, candidate.Traits.ContextTokens, rests, state.Failures);
    }
}
