using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pricing;

/// <summary>What one attempt is charged: pure.</summary>
public readonly record struct Settlement(Usage Usage, UsageQuality Quality, long MicroUsd)
{
    /// <summary>
    /// The stated usage; the bound, marked estimated, where it was lost (a cut stream goes on being billed) or is impossible (above the bound or negative).
    /// An answer that came whole but unstated is charged what its length allows.
    /// </summary>
    /// <remarks>
    /// Never above a hard bound: so what is used never exceeds what was reserved. Compute seconds are charged as measured: their length is our own clock's,
    /// and nobody knows it before the call.
    /// </remarks>
    /// <param name="isHard">
    /// The server was told how long the answer may be, and the prompt's bound is in its bytes: a statement above the bound is then a false one. Not for the
    /// box's own engine, which counts exactly, nor for a call without any limit, whose bound is only an assumption.
    /// </param>
    public static Settlement Of(in CallResult result, in CallBound bound, in Price price, bool isHard)
    {
        if (result.Quality == UsageQuality.Exact && IsPossible(result.Usage, bound.Usage, isHard))
        {
            return new Settlement(result.Usage, UsageQuality.Exact, price.CostOf(result.Usage));
        }

        var whole = result.Succeeded && IsPossible(result.Usage, bound.Usage, isHard);
        var usage = whole ? result.Usage : bound.Usage;
        return new Settlement(usage, UsageQuality.Estimated, Math.Min(price.CostOf(usage), bound.MicroUsd));
    }

    private static bool IsPossible(in Usage stated, in Usage bound, bool isHard) =>
        stated.InputTokens >= 0 && stated.OutputTokens >= 0 && stated.CachedInputTokens >= 0 && stated.CachedInputTokens <= stated.InputTokens
        && (!isHard || (stated.InputTokens <= bound.InputTokens && stated.OutputTokens <= bound.OutputTokens));
}
