using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pricing;

/// <summary>What one attempt is charged: pure.</summary>
public readonly record struct Settlement(Usage Usage, UsageQuality Quality, long MicroUsd)
{
    /// <summary>
    /// The stated usage; the bound, marked estimated, where it was lost (a cut stream goes on being billed) or is impossible (above the bound or negative).
    /// An answer that came whole but unstated is charged what its length allows.
    /// </summary>
    /// <remarks>Never above the bound: so what is used never exceeds what was reserved. Compute seconds are charged as measured.</remarks>
    public static Settlement Of(in CallResult result, in CallBound bound, in Price price)
    {
        if (result.Quality == UsageQuality.Exact && IsPossible(result.Usage, bound.Usage))
        {
            return new Settlement(result.Usage, UsageQuality.Exact, Math.Min(price.CostOf(result.Usage), Ceiling(result.Usage, bound, price)));
        }

        var whole = result.Succeeded && IsPossible(result.Usage, bound.Usage);
        var usage = whole ? result.Usage : bound.Usage;
        return new Settlement(usage, UsageQuality.Estimated, Math.Min(price.CostOf(usage), bound.MicroUsd));
    }

    private static bool IsPossible(in Usage stated, in Usage bound) =>
        stated.InputTokens >= 0 && stated.OutputTokens >= 0 && stated.CachedInputTokens >= 0 && stated.CachedInputTokens <= stated.InputTokens
        && stated.InputTokens <= bound.InputTokens && stated.OutputTokens <= bound.OutputTokens;

    // Compute time has no bound before the call; it is our own clock, so it is charged in full.
    private static long Ceiling(in Usage usage, in CallBound bound, in Price price) =>
        usage.ComputeMicroseconds > 0 && price.ComputeSecond > 0 ? long.MaxValue : bound.MicroUsd;
}
