using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pricing;

/// <summary>What a model costs at one moment, in micro-dollars per unit. <c>default</c> is free.</summary>
public readonly record struct Price
{
    /// <summary>A token of the prompt that no cache held.</summary>
    public decimal Input { get; init; }

    /// <summary>A token that the provider's cache held.</summary>
    public decimal CachedInput { get; init; }

    /// <summary>A token that the provider wrote into its cache.</summary>
    public decimal CacheWrite { get; init; }

    /// <summary>A token that the provider wrote into its cache for longer than usual.</summary>
    public decimal LongCacheWrite { get; init; }
    public decimal Output { get; init; }

    /// <summary>A token of hidden reasoning.</summary>
    public decimal Reasoning { get; init; }

    /// <summary>Each attempt that used anything.</summary>
    public decimal Call { get; init; }
    public decimal Image { get; init; }

    /// <summary>CPU or GPU time of the box's own engine.</summary>
    public decimal ComputeSecond { get; init; }

    /// <summary>Seconds of compute that a call is held for, since nobody knows before it how many it takes.</summary>
    public int ComputeSecondsMax { get; init; }

    /// <summary>No line says what it costs: a call under a cap of money must not go there unless its route allows it.</summary>
    public bool IsUnknown { get; init; }

    public static Price Free => default;
    public static Price Unknown => new() { IsUnknown = true };

    /// <summary>The same price with one rate for a token: for models whose price knows neither cache nor reasoning.</summary>
    public static Price PerToken(decimal input, decimal output) =>
        new() { Input = input, CachedInput = input, CacheWrite = input, LongCacheWrite = input, Output = output, Reasoning = output };

    /// <summary>Micro-dollars, rounded up: a fraction is never lost to the budget. An attempt that used nothing at all costs nothing.</summary>
    public long CostOf(in Usage usage)
    {
        if (usage == default)
        {
            return 0;
        }

        var fresh = usage.InputTokens - usage.CachedInputTokens - usage.CacheWriteTokens;
        var cost = Call + (fresh * Input) + (usage.CachedInputTokens * CachedInput) + ((usage.CacheWriteTokens - usage.LongCacheWriteTokens) * CacheWrite)
            + (usage.LongCacheWriteTokens * LongCacheWrite)
            + ((usage.OutputTokens - usage.ReasoningTokens) * Output) + (usage.ReasoningTokens * Reasoning)
            + (usage.Images * Image) + (usage.ComputeMicroseconds * ComputeSecond / 1_000_000m);
        return cost >= MicroUsdMax ? MicroUsdMax : (long)Math.Ceiling(cost);
    }

    /// <summary>The most that any usage of these sizes can cost: every token at its dearest.</summary>
    public long DearestOf(in Usage usage)
    {
        var dearest = this with
        {
            Input = Math.Max(Input, Math.Max(CachedInput, Math.Max(CacheWrite, LongCacheWrite))),
            CachedInput = 0,
            CacheWrite = 0,
            LongCacheWrite = 0,
            Output = Math.Max(Output, Reasoning),
            Reasoning = 0,
        };
        return dearest.CostOf(usage with { CachedInputTokens = 0, CacheWriteTokens = 0, LongCacheWriteTokens = 0, ReasoningTokens = 0 });
    }

    /// <summary>A billion dollars, the largest cap: more than any call costs, and thousands of them do not overflow a sum.</summary>
    private const long MicroUsdMax = 1_000_000_000_000_000;
}
