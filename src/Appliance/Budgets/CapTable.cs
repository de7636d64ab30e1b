using System.Collections.Frozen;

namespace Jesus.Appliance.Budgets;

/// <summary>A cap as it is checked: unset parts are <see cref="Amount.Unlimited"/>.</summary>
public readonly record struct Cap(BudgetPeriod Period, Amount Amount);

/// <summary>The configured caps by whom they bound: an immutable snapshot.</summary>
public sealed class CapTable
{
    private readonly FrozenDictionary<(BudgetScope Scope, string Name), Cap[]> _caps;

    private CapTable(FrozenDictionary<(BudgetScope Scope, string Name), Cap[]> caps) => _caps = caps;

    public bool IsEmpty => _caps.Count == 0;

    /// <summary>Builds the table. Errors name the cap and the remedy.</summary>
    public static CapTable Build(BudgetsOptions options, ICollection<string> errors)
    {
        var caps = new Dictionary<(BudgetScope, string), List<Cap>>();
        for (var i = 0; i < options.Caps.Count; i++)
        {
            var cap = options.Caps[i];
            Check(i, cap, errors);
            caps.TryAdd((cap.Scope, cap.Name), []);
            caps[(cap.Scope, cap.Name)].Add(new Cap(cap.Period, AmountOf((long)(cap.Usd * 1_000_000m), cap.Tokens)));
        }

        return new CapTable(caps.ToFrozenDictionary(c => c.Key, c => c.Value.ToArray()));
    }

    /// <summary>Caps of a user, team, ...: its own, or those of <c>*</c>.</summary>
    public ReadOnlySpan<Cap> Find(BudgetScope scope, string name)
    {
        if (_caps.Count == 0)
        {
            return [];
        }

        return _caps.TryGetValue((scope, name), out var own) || _caps.TryGetValue((scope, "*"), out own) ? own : [];
    }

    /// <summary>0 means no cap of that kind.</summary>
    internal static Amount AmountOf(long microUsd, long tokens) =>
        new(microUsd > 0 ? microUsd : Amount.Unlimited, tokens > 0 ? tokens : Amount.Unlimited);

    private static void Check(int index, CapOptions cap, ICollection<string> errors)
    {
        if (cap.Usd is < 0 or > 1_000_000_000 || cap.Tokens is < 0 or > Amount.Unlimited)
        {
            errors.Add($"budgets.caps[{index}]: usd lies in 0 to 1,000,000,000 and tokens is not negative; correct it.");
        }

        if (cap.Usd == 0 && cap.Tokens == 0)
        {
            errors.Add($"budgets.caps[{index}]: sets neither usd nor tokens; set one, or remove the cap.");
        }

        if (cap.Scope is BudgetScope.Call or BudgetScope.Run && cap.Period != BudgetPeriod.Ever)
        {
            errors.Add($"budgets.caps[{index}]: a cap of one call or run has no period; remove 'period'.");
        }
    }
}
