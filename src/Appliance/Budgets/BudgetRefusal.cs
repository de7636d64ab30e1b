using System.Globalization;
using Jesus.Appliance.Pricing;

namespace Jesus.Appliance.Budgets;

/// <summary>Which cap refused, with the figures. <c>default</c> means none did.</summary>
public readonly record struct BudgetRefusal(AccountKey Key, Amount Cap, Amount Used, Amount Reserved, Amount Asked)
{
    public bool IsNone => Key.Name is null;

    /// <summary>A soft cap: the call shall go where it is cheaper.</summary>
    public bool IsSoft { get; init; }

    /// <summary>Another box owns the cap and has lent too little so far; more is asked for.</summary>
    public bool IsStarved { get; init; }

    /// <summary>The route that a soft cap names; empty when it names none.</summary>
    public string Route { get; init; } = "";

    /// <summary>When the cap renews; null when it does not.</summary>
    public DateTimeOffset? RenewsAt { get; init; }

    /// <summary>The money is too little; else the tokens are.</summary>
    public bool IsOfMoney => !IsNone && Asked.MicroUsd + Used.MicroUsd + Reserved.MicroUsd > Cap.MicroUsd;

    /// <summary>What, where and what to do, for the caller.</summary>
    public string Message => IsOfMoney
        ? Describe(Money.Text(Cap.MicroUsd), Money.Text(Used.MicroUsd), Money.Text(Reserved.MicroUsd), Money.Text(Asked.MicroUsd))
        : Describe(Tokens(Cap.Tokens), Tokens(Used.Tokens), Tokens(Reserved.Tokens), Tokens(Asked.Tokens));

    private string Describe(string cap, string used, string reserved, string asked)
    {
        if (IsStarved)
        {
            return $"The budget of {Key.Display} belongs to another box, which has lent this one {cap}: {used} used, {reserved} held by calls in progress, and this call may need "
                + $"{asked}; more is asked for: try again in a moment, or ask for a shorter answer.";
        }

        var renews = RenewsAt is { } at ? $"it renews at {at.ToString("yyyy-MM-dd'T'HH:mm'Z'", CultureInfo.InvariantCulture)}, " : "";
        return $"The budget of {Key.Display} is {cap}: {used} used, {reserved} held by calls in progress, and this call may need {asked}; {renews}"
            + "ask for a shorter answer, or raise the cap.";
    }

    private static string Tokens(long tokens) => tokens.ToString("#,0' tokens'", CultureInfo.InvariantCulture);
}
