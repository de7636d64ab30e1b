using Jesus.Appliance.Router.Policies;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>What the planner must know about a call. Plain values, so that a plan can be replayed.</summary>
/// <param name="DataClass">Class of the call's data, the route's floor included.</param>
/// <param name="CanRedact">Redaction is available, so internal data may leave the box.</param>
/// <param name="NowMs">Monotonic milliseconds.</param>
/// <param name="Dice">64 random bits for the policies.</param>
public readonly record struct PlanFacts(DataClass DataClass, bool CanRedact, long NowMs, ulong Dice)
{
    public Abilities Needs { get; init; }

    /// <summary>Shape of the caller's own bytes, and the field that only sending them on can honour; empty when there is none.</summary>
    public ApiShape BodyShape { get; init; }
    public string VerbatimOnly { get; init; } = "";

    /// <summary>Of the conversation's beginning.</summary>
    public ulong Prefix { get; init; }
    public int OutputTokens { get; init; }

    /// <summary>The data must leave the box redacted, if it leaves.</summary>
    public bool MustRedact => DataClass == DataClass.Internal;
}

/// <summary>
/// Puts a route's candidates in order and drops those that may or can not take the call. Pure: sizes, prices, speeds, loads and time are arguments.
/// Candidates that rest (breaker, cooldown) go last rather than away: with nothing better left, one of them is still worth a try.
/// </summary>
public static class RoutePlanner
{
    /// <summary>
    /// No text of people or programs has more than so many bytes a token on average (English prose has 4 to 5), so a bound in bytes that is above so many
    /// times a context can not fit it.
    /// </summary>
    private const int BytesPerTokenMax = 8;

    /// <param name="candidates">Whom the route stands for.</param>
    /// <param name="views">What is known of each of them.</param>
    /// <param name="plan">Cleared, then filled with the candidates to try, in order.</param>
    /// <returns><c>default</c>, or why no candidate is left: the last reason met.</returns>
    public static ModelError Plan(Route route, CandidateList candidates, in PlanFacts facts, ReadOnlySpan<CandidateView> views, List<int> plan, DecisionLog log)
    {
        plan.Clear();
        Span<int> order = stackalloc int[candidates.Count];
        PolicyOrder.Write(route.Options.Policy, new PolicyFacts(facts.Dice, facts.Prefix, facts.OutputTokens, facts.NowMs), views, order);
        var refusal = default(ModelError);
        var rested = 0;
        foreach (var index in order)
        {
            var candidate = candidates[index];
            var error = Check(candidate, facts, views[index].InputTokens);
            if (!error.IsNone)
            {
                refusal = error;
                log.Add(new Decision(candidate.Label, "skipped", error.Cause));
                continue;
            }

            rested += Insert(plan, index, views[index].Rests, rested);
        }

        for (var i = 0; i < plan.Count; i++)
        {
            log.Add(new Decision(candidates[plan[i]].Label, i < plan.Count - rested ? DecisionLog.Planned : DecisionLog.PlannedLast));
        }

        return plan.Count > 0 ? default : refusal.IsNone ? Empty(route) : refusal;
    }

    /// <summary>Whether the call may go there at all, and why not.</summary>
    public static ModelError Check(Candidate candidate, in PlanFacts facts, int inputTokens)
    {
        var error = CheckData(candidate, facts);
        error = error.IsNone ? CheckAbilities(candidate, facts.Needs) : error;
        error = error.IsNone ? CheckVerbatim(candidate, facts) : error;

        // Each text to embed or to rank has the context for itself, and only the model's own tokenizer knows how long it is.
        var isOneText = (facts.Needs & (Abilities.Embeddings | Abilities.Rerank)) == Abilities.None;
        return error.IsNone && isOneText ? CheckLength(candidate, inputTokens) : error;
    }

    private static ModelError Empty(Route route) =>
        new(ErrorCause.ModelNotFound, $"The route '{route.Name}' has no candidate; add one under routes.{route.Name}.candidates.");

    private static int Insert(List<int> plan, int index, bool resting, int rested)
    {
        plan.Insert(resting ? plan.Count : plan.Count - rested, index);
        return resting ? 1 : 0;
    }

    private static ModelError CheckData(Candidate candidate, in PlanFacts facts)
    {
        if (candidate.Traits.LeavesBox && facts.DataClass == DataClass.Restricted)
        {
            return new ModelError(ErrorCause.Refused, $"Restricted data may not go to '{candidate.Name}', which is outside this box; use a route with a local model.");
        }

        return candidate.Traits.LeavesBox && facts.MustRedact && !facts.CanRedact
            ? new ModelError(ErrorCause.Refused, $"Internal data may go to '{candidate.Name}' only redacted, and redaction is off; turn security.redaction on.")
            : default;
    }

    private static ModelError CheckAbilities(Candidate candidate, Abilities needs)
    {
        var missing = needs & ~candidate.Traits.Abilities;
        return missing == Abilities.None
            ? default
            : new ModelError(
                ErrorCause.UnsupportedField,
                $"The call needs {AbilityNames.Of(missing)}, which '{candidate.Name}' does not offer; leave it out, or use a model that does.",
                AbilityNames.FieldOf(missing));
    }

    /// <summary>A redacted body is written anew: then nothing of the caller's own bytes is sent.</summary>
    private static ModelError CheckVerbatim(Candidate candidate, in PlanFacts facts)
    {
        if (facts.VerbatimOnly.Length == 0)
        {
            return default;
        }

        var touched = facts.MustRedact && candidate.Traits.LeavesBox;
        return !touched && candidate.Adapter.Forwards(facts.BodyShape)
            ? default
            : new ModelError(
                ErrorCause.UnsupportedField,
                touched
                    ? $"'{facts.VerbatimOnly}' can be honoured only by sending the request on as it is, and internal data goes to '{candidate.Name}' redacted; leave the field out."
                    : $"'{facts.VerbatimOnly}' is not something that '{candidate.Name}' can be asked in this API; leave it out, or use a model whose provider speaks it.",
                facts.VerbatimOnly);
    }

    /// <summary>An answer that does not fit beside the prompt is cut by the model.</summary>
    private static ModelError CheckLength(Candidate candidate, int inputTokens)
    {
        long context = candidate.Traits.ContextTokens;
        if (context == 0 || inputTokens < (candidate.CountsExactly ? context : context * BytesPerTokenMax))
        {
            return default;
        }

        var size = candidate.CountsExactly ? $"has {inputTokens} tokens" : $"is {inputTokens} bytes long, too many for any tokenizer";
        return new ModelError(
            ErrorCause.ContextTooSmall,
            $"The prompt {size}; '{candidate.Name}' holds {context} tokens for prompt and answer together. Shorten it or use a model with a longer context.",
            "messages");
    }
}
