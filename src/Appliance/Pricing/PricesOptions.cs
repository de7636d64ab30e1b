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
    public decimal OutputPerMillionTokens { get; init; }
    public decimal PerImage { get; init; }

    /// <summary>For the box's own models: dollars per second of compute.</summary>
    public decimal PerComputeSecond { get; init; }
}

/// <summary>Config section <c>prices</c>.</summary>
public sealed record PricesOptions
{
    /// <summary>At most 10,000 lines: they are sorted once and looked up once per call.</summary>
    public IReadOnlyList<PriceOptions> Prices { get; init; } = [];
}
