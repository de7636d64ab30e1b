using System.Globalization;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pricing;

/// <summary>What one attempt is charged: pure.</summary>
/// <param name="IsOverrun">The provider states more than it was allowed to use: charged truly, and an alert.</param>
public readonly record struct Settlement(Usage Usage, UsageQuality Quality, long MicroUsd, bool IsOverrun = false)
{
    /// <summary>
    /// The stated usage, whatever it is: what a provider bills must be paid, so a statement above the bound is charged and alerted. The bound, marked
    /// estimated, where usage was lost (a cut stream goes on being billed) or contradicts itself. An answer that came whole but unstated is charged what its
    /// length allows.
    /// </summary>
    /// <param name="isHard">
    /// The server was told how long the answer may be, and the prompt's bound is in its bytes: more is an overrun. Not for the box's own engine, which counts
    /// exactly, nor for a call without any limit, whose bound is only an assumption.
    /// </param>
    /// <param name="stopsWhenCut">The server uses nothing more once nobody reads: what came is what is paid.</param>
    public static Settlement Of(in CallResult result, in CallBound bound, in Price price, bool isHard, bool stopsWhenCut = false)
    {
        var stated = WithImages(result.Usage, bound.Usage);
        if (Contradicts(stated))
        {
            return new Settlement(bound.Usage, UsageQuality.Estimated, bound.MicroUsd);
        }

        var cost = price.CostOf(stated);
        if (result.Quality == UsageQuality.Exact)
        {
            return new Settlement(stated, UsageQuality.Exact, cost, IsAbove(stated, cost, bound, price, isHard));
        }

        return (result.Succeeded || stopsWhenCut) && cost <= bound.MicroUsd && stated.InputTokens + (long)stated.OutputTokens <= bound.Tokens
            ? new Settlement(stated, UsageQuality.Estimated, cost)
            : new Settlement(bound.Usage, UsageQuality.Estimated, bound.MicroUsd);
    }

    /// <summary>What of an overrun is above its bound, for people: the money, else the tokens of prompt or answer, whose price may be lower than the bound's.</summary>
    public string OverrunOf(string candidate, in CallBound bound)
    {
        var (stated, most) = MicroUsd > bound.MicroUsd ? (Money.Text(MicroUsd), Money.Text(bound.MicroUsd))
            : Usage.InputTokens > bound.Usage.InputTokens ? (Tokens(Usage.InputTokens, "prompt"), Tokens(bound.Usage.InputTokens, "prompt"))
            : Usage.OutputTokens > bound.Usage.OutputTokens ? (Tokens(Usage.OutputTokens, "answer"), Tokens(bound.Usage.OutputTokens, "answer"))
            : (Seconds(Usage.ComputeMicroseconds), Seconds(bound.Usage.ComputeMicroseconds));
        return $"'{candidate}' states {stated} where at most {most} was allowed";

        static string Tokens(int tokens, string of) => string.Create(CultureInfo.InvariantCulture, $"{tokens:#,0} tokens of {of}");
        static string Seconds(long microseconds) => string.Create(CultureInfo.InvariantCulture, $"{microseconds / 1e6:0.###} s of computing");
    }

    /// <summary>Providers do not state how many images they read: those of the prompt, wherever anything was used.</summary>
    private static Usage WithImages(in Usage stated, in Usage bound) =>
        bound.Images == 0 || stated == default ? stated : stated with { Images = Math.Max(stated.Images, bound.Images) };

    private static bool Contradicts(in Usage stated) =>
        stated.InputTokens < 0 || stated.OutputTokens < 0 || stated.CachedInputTokens < 0 || stated.CacheWriteTokens < 0 || stated.ReasoningTokens < 0
        || stated.LongCacheWriteTokens < 0 || stated.LongCacheWriteTokens > stated.CacheWriteTokens
        || stated.CachedInputTokens + (long)stated.CacheWriteTokens > stated.InputTokens || stated.ReasoningTokens > stated.OutputTokens;

    private static bool IsAbove(in Usage stated, long cost, in CallBound bound, in Price price, bool isHard) => isHard
        ? stated.InputTokens > bound.Usage.InputTokens || stated.OutputTokens > bound.Usage.OutputTokens || cost > bound.MicroUsd
        : price.ComputeSecond > 0 && stated.ComputeMicroseconds > bound.Usage.ComputeMicroseconds;
}
