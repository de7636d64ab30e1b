using System.Collections.Frozen;

namespace Jesus.Appliance.Pricing;

/// <summary>Dated prices by model: an immutable snapshot. Pure.</summary>
public sealed class PriceTable
{
    private const string EveryModel = "*";

    private readonly FrozenDictionary<string, DatedPrice[]> _models;
    private readonly FrozenDictionary<string, DatedPrice[]> _providers;

    private PriceTable(Dictionary<string, List<DatedPrice>> models, Dictionary<string, List<DatedPrice>> providers) =>
        (_models, _providers) = (Freeze(models), Freeze(providers));

    public static PriceTable Empty { get; } = new([], []);

    /// <summary>Builds the table. Errors name the line and the remedy.</summary>
    public static PriceTable Build(PricesOptions options, ICollection<string> errors)
    {
        var models = new Dictionary<string, List<DatedPrice>>(StringComparer.Ordinal);
        var providers = new Dictionary<string, List<DatedPrice>>(StringComparer.Ordinal);
        for (var i = 0; i < options.Prices.Count; i++)
        {
            var line = options.Prices[i];
            if (Check(i, line, errors))
            {
                var (lines, key) = line.Model == EveryModel ? (providers, line.Provider) : (models, $"{line.Provider}/{line.Model}");
                lines.TryAdd(key, []);
                lines[key].Add(new DatedPrice(line.From, PriceOf(line)));
            }
        }

        return new PriceTable(models, providers);
    }

    /// <summary>The price of a candidate at a moment: its own line, the provider's <c>*</c> line, free when it runs on the box, else unknown.</summary>
    public Price Find(string candidate, string provider, bool leavesBox, DateTimeOffset at) =>
        TryFind(_models, candidate, at, out var price) || TryFind(_providers, provider, at, out price) ? price
        : leavesBox ? Price.Unknown : Price.Free;

    private static FrozenDictionary<string, DatedPrice[]> Freeze(Dictionary<string, List<DatedPrice>> lines) =>
        lines.ToFrozenDictionary(l => l.Key, l => l.Value.OrderBy(p => p.From).ToArray(), StringComparer.Ordinal);

    private static bool TryFind(FrozenDictionary<string, DatedPrice[]> lines, string key, DateTimeOffset at, out Price price)
    {
        price = default;
        if (!lines.TryGetValue(key, out var dated))
        {
            return false;
        }

        for (var i = dated.Length - 1; i >= 0; i--)
        {
            if (dated[i].From <= at)
            {
                price = dated[i].Price;
                return true;
            }
        }

        return false;
    }

    private static Price PriceOf(PriceOptions line) => new()
    {
        Input = line.InputPerMillionTokens,
        CachedInput = line.CachedInputPerMillionTokens ?? line.InputPerMillionTokens,
        CacheWrite = line.CacheWritePerMillionTokens ?? line.InputPerMillionTokens,
        LongCacheWrite = line.LongCacheWrite,
        Output = line.OutputPerMillionTokens,
        Reasoning = line.ReasoningPerMillionTokens ?? line.OutputPerMillionTokens,
        Call = line.PerCall * 1_000_000m,
        Image = line.PerImage * 1_000_000m,
        ComputeSecond = line.PerComputeSecond * 1_000_000m,
        ComputeSecondsMax = line.ComputeSecondsMax,
    };

    private static bool Check(int index, PriceOptions line, ICollection<string> errors)
    {
        var before = errors.Count;
        if (line.Provider.Length == 0 || line.Model.Length == 0)
        {
            errors.Add($"prices[{index}]: names no provider or no model; both are needed ('*' stands for every model).");
        }

        decimal[] amounts =
        [
            line.InputPerMillionTokens, line.CachedInputPerMillionTokens ?? 0, line.CacheWritePerMillionTokens ?? 0,
            line.LongCacheWritePerMillionTokens ?? 0, line.OutputPerMillionTokens,
            line.ReasoningPerMillionTokens ?? 0, line.PerCall, line.PerImage, line.PerComputeSecond,
        ];
        if (amounts.Any(a => a is < 0 or > 1_000_000))
        {
            errors.Add($"prices[{index}]: an amount lies outside 0 to 1,000,000 dollars; correct it.");
        }

        if (line.ComputeSecondsMax is < 1 or > 86_400)
        {
            errors.Add($"prices[{index}].computeSecondsMax: is {line.ComputeSecondsMax}; 1 to 86,400 are allowed.");
        }

        return errors.Count == before;
    }

    private readonly record struct DatedPrice(DateTimeOffset From, Price Price);
}
