using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Pricing;

namespace Jesus.Appliance.Config.Sections;

/// <summary><c>prices</c> is a list of lines.</summary>
internal static class PricesSection
{
    public static IShape<PricesOptions> Shape { get; } = new WrapShape<PricesOptions, IReadOnlyList<PriceOptions>>(
        new ListShape<PriceOptions>(Line(), () => new PriceOptions()), o => o.Prices, v => new PricesOptions { Prices = v });

    private static RecordShape<PriceOptions> Line() => new(
        new Property<PriceOptions, string>("provider", "A name of section providers, or local.", new TextShape(), o => o.Provider, (o, v) => o with { Provider = v }),
        new Property<PriceOptions, string>("model", "The model's name, or * for every model of the provider without a line of its own.",
            new TextShape(), o => o.Model, (o, v) => o with { Model = v }),
        new Property<PriceOptions, DateTimeOffset>("from", "First moment of the price, such as 2026-11-01; left out: always.",
            new MomentShape(), o => o.From, (o, v) => o with { From = v }),
        new Property<PriceOptions, decimal>("inputPerMillionTokens", "US dollars.", new MoneyShape(), o => o.InputPerMillionTokens, (o, v) => o with { InputPerMillionTokens = v }),
        new Property<PriceOptions, decimal>("cachedInputPerMillionTokens", "US dollars; left out: as fresh input.",
            new MoneyShape(), o => o.CachedInputPerMillionTokens ?? o.InputPerMillionTokens, (o, v) => o with { CachedInputPerMillionTokens = v }),
        new Property<PriceOptions, decimal>("cacheWritePerMillionTokens", "US dollars for tokens written into the provider's cache; left out: as fresh input.",
            new MoneyShape(), o => o.CacheWritePerMillionTokens ?? o.InputPerMillionTokens, (o, v) => o with { CacheWritePerMillionTokens = v }),
        new Property<PriceOptions, decimal>("longCacheWritePerMillionTokens", "US dollars for those that the provider keeps for an hour; left out: twice the fresh input.",
            new MoneyShape(), o => o.LongCacheWrite, (o, v) => o with { LongCacheWritePerMillionTokens = v }),
        new Property<PriceOptions, decimal>("outputPerMillionTokens", "US dollars.",
            new MoneyShape(), o => o.OutputPerMillionTokens, (o, v) => o with { OutputPerMillionTokens = v }),
        new Property<PriceOptions, decimal>("reasoningPerMillionTokens", "US dollars for hidden reasoning; left out: as the rest of the answer.",
            new MoneyShape(), o => o.ReasoningPerMillionTokens ?? o.OutputPerMillionTokens, (o, v) => o with { ReasoningPerMillionTokens = v }),
        new Property<PriceOptions, decimal>("perCall", "US dollars for each attempt that used anything.", new MoneyShape(), o => o.PerCall, (o, v) => o with { PerCall = v }),
        new Property<PriceOptions, decimal>("perImage", "US dollars.", new MoneyShape(), o => o.PerImage, (o, v) => o with { PerImage = v }),
        new Property<PriceOptions, decimal>("perComputeSecond", "US dollars, for the box's own models.",
            new MoneyShape(), o => o.PerComputeSecond, (o, v) => o with { PerComputeSecond = v }),
        new Property<PriceOptions, long>("computeSecondsMax", "Seconds of compute that a call is held for; one that takes more is an overrun.",
            new IntegerShape(1, 86_400), o => o.ComputeSecondsMax, (o, v) => o with { ComputeSecondsMax = (int)v }));
}
