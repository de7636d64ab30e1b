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
        new Property<PriceOptions, decimal>("outputPerMillionTokens", "US dollars.",
            new MoneyShape(), o => o.OutputPerMillionTokens, (o, v) => o with { OutputPerMillionTokens = v }),
        new Property<PriceOptions, decimal>("perImage", "US dollars.", new MoneyShape(), o => o.PerImage, (o, v) => o with { PerImage = v }),
        new Property<PriceOptions, decimal>("perComputeSecond", "US dollars, for the box's own models.",
            new MoneyShape(), o => o.PerComputeSecond, (o, v) => o with { PerComputeSecond = v }));
}
