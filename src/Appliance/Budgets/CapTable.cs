using System.Collections.Frozen;

namespace Jesus.Appliance.Budgets;

/// <summary>A cap as it is checked: unset parts are <see cref="Amount.Unlimited"/>.</summary>
/// <param name="Route">Where calls go once the soft part is reached; empty for the cheaper candidates of their own.</param>
/// <param name="Owner">The box that lends from it; empty where each box counts by itself.</param>
/// <param name="IsBorrowed">Another box is its owner: nothing may be used here but what it lent.</param>
public readonly record struct Cap(BudgetPeriod Period, Amount Hard, Amount Soft, string Route, string Owner = "", bool IsBorrowed = false)
{
    public static Cap None { get; } = new(BudgetPeriod.Ever, Amount.None, Amount.None, "");

    /// <summary>Both of the same period: the smaller parts hold.</summary>
    public Cap With(in Cap other)
    {
        var owned = Owner.Length > 0 ? this : other;
        return new(Period, Amount.Min(Hard, other.Hard), Amount.Min(Soft, other.Soft), other.Route.Length > 0 ? other.Route : Route, owned.Owner, owned.IsBorrowed);
    }
}

/// <summary>The caps by whom they bound: an immutable snapshot.</summary>
public sealed class CapTable
{
    private readonly FrozenDictionary<(BudgetScope Scope, string Name), Cap[]> _caps;

    private CapTable(Dictionary<(BudgetScope Scope, string Name), Dictionary<BudgetPeriod, Cap>> caps, string self)
    {
        Self = self;
        HasOwners = caps.Values.Any(own => own.Values.Any(cap => cap.Owner.Length > 0));
        Lines = caps;
        _caps = caps.ToFrozenDictionary(entry => entry.Key, entry => WithStars(entry.Key, entry.Value, caps));
    }

    public bool IsEmpty => _caps.Count == 0;

    /// <summary>Some cap names its owner.</summary>
    public bool HasOwners { get; }

    /// <summary>This box's id in the federation; empty outside one.</summary>
    internal string Self { get; }

    /// <summary>Caps as written, without what <c>*</c> adds to a name.</summary>
    internal IReadOnlyDictionary<(BudgetScope Scope, string Name), Dictionary<BudgetPeriod, Cap>> Lines { get; }

    /// <summary>Builds the table. Errors name the cap and the remedy.</summary>
    /// <param name="self">This box's id in the federation; a cap that names another box as its owner is spent from what that box lends.</param>
    public static CapTable Build(BudgetsOptions options, ICollection<string> errors, string self = "")
    {
        if (!BudgetCalendar.TryFind(options.TimeZone, out _))
        {
            errors.Add($"budgets.timeZone: '{options.TimeZone}' is not known here; name one of the IANA database, such as Europe/Berlin (Debian's package tzdata), or UTC.");
        }

        var caps = new Dictionary<(BudgetScope, string), Dictionary<BudgetPeriod, Cap>>();
        for (var i = 0; i < options.Caps.Count; i++)
        {
            CapCheck.Check($"budgets.caps[{i}]", options.Caps[i], errors);
            Add(caps, options.Caps[i], self);
        }

        return new CapTable(caps, self);
    }

    /// <summary>The same with each line in place of the hard or soft cap that it has of that name and period.</summary>
    internal CapTable With(IEnumerable<CapOptions> lines)
    {
        var caps = Lines.ToDictionary(entry => entry.Key, entry => new Dictionary<BudgetPeriod, Cap>(entry.Value));
        foreach (var line in lines)
        {
            if (caps.TryGetValue((line.Scope, line.Name), out var own) && own.TryGetValue(line.Period, out var cap))
            {
                own[line.Period] = line.IsSoft ? cap with { Soft = Amount.None, Route = "" } : cap with { Hard = Amount.None };
            }

            Add(caps, line, Self);
        }

        return new CapTable(caps, Self);
    }

    /// <summary>Caps of a user, team, ...: its own, and those of <c>*</c> over periods for which it has none.</summary>
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

    private static void Add(Dictionary<(BudgetScope, string), Dictionary<BudgetPeriod, Cap>> caps, CapOptions line, string self)
    {
        caps.TryAdd((line.Scope, line.Name), []);
        var own = caps[(line.Scope, line.Name)];
        var amount = AmountOf((long)(line.Usd * 1_000_000m), line.Tokens);
        var cap = line.IsSoft
            ? new Cap(line.Period, Amount.None, amount, line.OnReached.Route)
            : new Cap(line.Period, amount, Amount.None, "", line.Owner, line.Owner.Length > 0 && line.Owner != self);
        own[line.Period] = own.TryGetValue(line.Period, out var other) ? other.With(cap) : cap;
    }

    private static Cap[] WithStars(
        (BudgetScope Scope, string Name) who, Dictionary<BudgetPeriod, Cap> own, Dictionary<(BudgetScope, string), Dictionary<BudgetPeriod, Cap>> caps)
    {
        var all = new Dictionary<BudgetPeriod, Cap>(own);
        if (who.Name != "*" && caps.TryGetValue((who.Scope, "*"), out var stars))
        {
            foreach (var (period, cap) in stars)
            {
                all.TryAdd(period, cap);
            }
        }

        return [.. all.Values];
    }
}

/// <summary>What a line of caps may say; pure.</summary>
internal static class CapCheck
{
    private const int NameLengthMax = 256;

    /// <param name="place">Where the line stands, for the message.</param>
    public static void Check(string place, CapOptions cap, ICollection<string> errors)
    {
        if (cap.Usd is < 0 or > 1_000_000_000 || cap.Tokens is < 0 or > Amount.Unlimited)
        {
            errors.Add($"{place}: usd lies in 0 to 1,000,000,000 and tokens is not negative; correct it.");
        }

        if (cap.Usd == 0 && cap.Tokens == 0)
        {
            errors.Add($"{place}: sets neither usd nor tokens; set one, or remove the cap.");
        }

        if (cap.Scope is BudgetScope.Call or BudgetScope.Run && (cap.Period != BudgetPeriod.Ever || cap.Name != "*"))
        {
            errors.Add($"{place}: a cap of one call or run has no period and no name; remove 'period' and 'name'.");
        }

        if (cap.Owner.Length > 0 && (cap.IsSoft || cap.Scope is BudgetScope.Call or BudgetScope.Run or BudgetScope.Key))
        {
            errors.Add($"{place}: boxes share hard caps of users, teams and organisations; remove 'owner', or what makes the cap soft.");
        }

        if (cap.Name.Length is 0 or > NameLengthMax)
        {
            errors.Add($"{place}: the name has 1 to {NameLengthMax} characters, or is left out for everyone.");
        }
    }
}
