namespace Jesus.Appliance.Budgets;

/// <summary>Spelling of scopes and periods on disk, in metrics and in messages. The disk's spelling never changes.</summary>
internal static class ScopeNames
{
    private static readonly string[] Scopes = ["call", "run", "user", "team", "organisation", "key"];
    private static readonly string[] Periods = ["ever", "day", "month"];

    public static string Of(BudgetScope scope) => Scopes[(int)scope];
    public static string Of(BudgetPeriod period) => Periods[(int)period];

    public static bool TryParse(string text, out BudgetScope scope)
    {
        var index = Array.IndexOf(Scopes, text);
        scope = (BudgetScope)Math.Max(0, index);
        return index >= 0;
    }

    public static bool TryParse(string text, out BudgetPeriod period)
    {
        var index = Array.IndexOf(Periods, text);
        period = (BudgetPeriod)Math.Max(0, index);
        return index >= 0;
    }
}
