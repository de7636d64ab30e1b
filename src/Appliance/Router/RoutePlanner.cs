using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>What the planner must know about a call. Plain values, so that a plan can be replayed.</summary>
/// <param name="DataClass">Class of the call's data, the route's floor included.</param>
/// <param name="CanRedact">Redaction is available, so internal data may leave the box.</param>
/// <param name="NowMs">Monotonic milliseconds.</param>
/// <param name="Dice">64 random bits for the weighted policy.</param>
public readonly record struct PlanFacts(DataClass DataClass, bool CanRedact, long NowMs, ulong Dice);

/// <summary>
/// Puts a route's candidates in order and drops those that may or can not take the call. Pure: input sizes, health and time are arguments.
/// Candidates that rest (breaker, cooldown) go last rather than away: with nothing better left, one of them is still worth a try.
/// </summary>
public static class RoutePlanner
{
    /// <param name="inputTokens">Bound of the prompt's tokens for each candidate of the route, in the route's order; 0 when not counted.</param>
    /// <param name="plan">Cleared, then filled with the candidates to try, in order.</param>
    /// <returns><c>default</c>, or why no candidate is left: the last reason met.</returns>
    public static ModelError Plan(Route route, PlanFacts facts, ReadOnlySpan<int> inputTokens, List<int> plan, DecisionLog log)
    {
        plan.Clear();
        Span<int> order = stackalloc int[route.Candidates.Count];
        PolicyOrder.Write(route.Options.Policy, route.Weights, facts.Dice, order);
        var refusal = default(ModelError);
        var rested = 0;
        foreach (var index in order)
        {
            var candidate = route.Candidates[index];
            var error = Check(candidate, facts, inputTokens[index]);
            if (!error.IsNone)
            {
                refusal = error;
                log.Add(new Decision(candidate.Name, "skipped", error.Cause));
                continue;
            }

            rested += Insert(plan, index, Breaker.RestsUntil(candidate.Health.State, facts.NowMs) > 0, rested);
        }

        for (var i = 0; i < plan.Count; i++)
        {
            log.Add(new Decision(route.Candidates[plan[i]].Name, i < plan.Count - rested ? "planned" : "planned last: resting"));
        }

        return plan.Count > 0 ? default : refusal.IsNone ? Empty(route) : refusal;
    }

    private static ModelError Empty(Route route) =>
        new(ErrorCause.ModelNotFound, $"The route '{route.Name}' has no candidate; add one under routes.{route.Name}.candidates.");

    private static int Insert(List<int> plan, int index, bool resting, int rested)
    {
        plan.Insert(resting ? plan.Count : plan.Count - rested, index);
        return resting ? 1 : 0;
    }

    private static ModelError Check(Candidate candidate, PlanFacts facts, int inputTokens)
    {
        if (candidate.Traits.LeavesBox && facts.DataClass == DataClass.Restricted)
        {
            return new ModelError(ErrorCause.Refused, $"Restricted data may not go to '{candidate.Name}', which is outside this box; use a route with a local model.");
        }

        if (candidate.Traits.LeavesBox && facts.DataClass == DataClass.Internal && !facts.CanRedact)
        {
            return new ModelError(ErrorCause.Refused, $"Internal data may go to '{candidate.Name}' only redacted, and redaction is off; turn security.redaction on.");
        }

        return CheckLength(candidate, inputTokens);
    }

    private static ModelError CheckLength(Candidate candidate, int inputTokens)
    {
        var context = candidate.Traits.ContextTokens;

        // Where the count is only a bound, the provider must judge. An answer that does not fit beside the prompt is cut by the model.
        return context == 0 || !candidate.CountsExactly || inputTokens < context
            ? default
            : new ModelError(
                ErrorCause.ContextTooSmall,
                $"The prompt has {inputTokens} tokens; '{candidate.Name}' holds {context} for prompt and answer together. Shorten it or use a model with a longer context.",
                "messages");
    }
}
