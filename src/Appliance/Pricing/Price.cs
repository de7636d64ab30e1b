using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pricing;

/// <summary>What a model costs at one moment, in micro-dollars per unit. <c>default</c> is free.</summary>
public readonly record struct Price
{
    public decimal Input { get; init; }
    public decimal CachedInput { get; init; }
    public decimal Output { get; init; }
    public decimal Image { get; init; }
    public decimal ComputeSecond { get; init; }

    /// <summary>No line says what it costs: a call under a cap of money must not go there.</summary>
    public bool IsUnknown { get; init; }

    public static Price Free => default;
    public static Price Unknown => new() { IsUnknown = true };

    /// <summary>Micro-dollars, rounded up: a fraction is never lost to the budget.</summary>
    public long CostOf(in Usage usage)
    {
        var fresh = usage.InputTokens - usage.CachedInputTokens;
        var cost = (fresh * Input) + (usage.CachedInputTokens * CachedInput) + (usage.OutputTokens * Output)
            + (usage.Images * Image) + (usage.ComputeMicroseconds * ComputeSecond / 1_000_000m);
        return (long)Math.Ceiling(cost);
    }
}
