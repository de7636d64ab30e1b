using System.Globalization;
using Jesus.Appliance.Budgets;

namespace Jesus.Appliance.Federation.Budgets;

/// <summary>Whose loan of what: one owner, one borrower, one account.</summary>
/// <param name="Owner">The box whose cap it is.</param>
/// <param name="Borrower">The other box and the generation of its books, <c>box-b.3f9a</c>: see <see cref="BudgetLending.GenerationAsync"/>.</param>
public readonly record struct LoanId(string Owner, string Borrower, AccountKey Key);

/// <summary>
/// Keys of the bucket <c>jesus_C_budget</c>. Each is written by one box only, whose id stands second, so that permissions can confine who writes:
/// <c>ask.BORROWER.GENERATION.OWNER.ACCOUNT</c> and <c>loan.OWNER.BORROWER.GENERATION.ACCOUNT</c>, an account being <c>SCOPE.NAME.PERIOD.INDEX</c>.
/// </summary>
internal static class LoanKeys
{
    private const int TokensOfAsk = 8;

    /// <summary>With the bucket's own prefix a subject stays within what a server takes.</summary>
    private const int LengthMax = 800;

    public static string AsksTo(string owner) => $"ask.*.*.{owner}.>";

    public static string LoansTo(string borrower) => $"loan.*.{borrower}.>";

    public static string LoansOf(string owner) => $"loan.{owner}.>";

    /// <summary>Null when a name is so long that it fits no key.</summary>
    public static string? Ask(in LoanId id) => Within($"ask.{id.Borrower}.{id.Owner}.{Account(id.Key)}");

    public static string? Loan(in LoanId id) => Within($"loan.{id.Owner}.{id.Borrower}.{Account(id.Key)}");

    /// <summary>False for a key that is none of ours or names what a later version knows.</summary>
    public static bool TryRead(string key, out LoanId id, out bool isAsk)
    {
        id = default;
        var parts = key.Split('.');
        isAsk = parts[0] == "ask";
        if (parts.Length != TokensOfAsk || !(isAsk || parts[0] == "loan")
            || !ScopeNames.TryParse(parts[4], out BudgetScope scope)
            || !ScopeNames.TryParse(parts[6], out BudgetPeriod period)
            || !int.TryParse(parts[7], NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            || SubjectToken.Unescape(parts[5]) is not { } name)
        {
            return false;
        }

        var account = new AccountKey(scope, name, period, index);
        id = isAsk ? new LoanId(parts[3], $"{parts[1]}.{parts[2]}", account) : new LoanId(parts[1], $"{parts[2]}.{parts[3]}", account);
        return true;
    }

    private static string Account(AccountKey key) =>
        string.Create(CultureInfo.InvariantCulture, $"{ScopeNames.Of(key.Scope)}.{SubjectToken.Escape(key.Name)}.{ScopeNames.Of(key.Period)}.{key.Index}");

    private static string? Within(string key) => key.Length <= LengthMax ? key : null;
}
