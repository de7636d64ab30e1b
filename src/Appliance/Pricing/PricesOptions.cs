namespace Jesus.Appliance.Pricing;

/// <summary>One line of config section <c>prices</c>: what a model costs from a day on, in US dollars.</summary>
/// <remarks>A price per million tokens in dollars is a price per token in micro-dollars, the unit of every account.</remarks>
public sealed record PriceOptions
{
    public string Provider { get; init; } = "";

    /// <summary>The model's name, or <c>*</c> for every model of the provider that has no line of its own.</summary>
    public string Model { get; init; } = "";

    /// <summary>First moment of the price, UTC; the default is always.</summary>
    public DateTimeOffset From { get; init; } = DateTimeOffset.MinValue;
    public decimal InputPerMillionTokens { get; init; }

    /// <summary>Left out: as fresh input, so that nothing is under-counted.</summary>
    public decimal? CachedInputPerMillionTokens { get; init; }

    /// <summary>Tokens that the provider writes into its cache. Left out: as fresh input.</summary>
    public decimal? CacheWritePerMillionTokens { get; init; }

    /// <summary>Of those, tokens that it keeps for an hour. Left out: twice the fresh input, which is what Anthropic, who alone states them, charges.</summary>
    public decimal? LongCacheWritePerMillionTokens { get; init; }
    public decimal OutputPerMillionTokens { get; init; }

    /// <summary>Tokens of hidden reasoning. Left out: as the rest of the answer.</summary>
    public decimal? ReasoningPerMillionTokens { get; init; }

    /// <summary>Each attempt that the provider answered or began to.</summary>
    public decimal PerCall { get; init; }
    public decimal PerImage { get; init; }

    /// <summary>For the box's own models: dollars per second of CPU or GPU, whichever the model runs on.</summary>
    public decimal PerComputeSecond { get; init; }

    /// <summary>
    /// Seconds of compute that a call is held for, 1 to 86,400: its length is not known before. 120 by default, longer than a usual answer of this box takes; a
    /// call that takes more is an overrun.
    /// </summary>
    public int ComputeSecondsMax { get; init; } = 120;

    /// <summary>The price that holds for tokens kept for an hour: never below the usual one.</summary>
    internal decimal LongCacheWrite => LongCacheWritePerMillionTokens ?? Math.Max(2 * InputPerMillionTokens, CacheWritePerMillionTokens ?? 0);
}

/// <summary>Config section <c>prices</c>.</summary>
public sealed record PricesOptions
{
    /// <summary>At most 10,000 lines: they are sorted once and looked up once per call.</summary>
    public IReadOnlyList<PriceOptions> Prices { get; init; } = [];
}
