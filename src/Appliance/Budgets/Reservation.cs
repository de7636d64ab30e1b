namespace Jesus.Appliance.Budgets;

/// <summary>Whose budgets a call is on.</summary>
/// <param name="RunId">Empty outside runs.</param>
/// <param name="RunCap">Cap that the run brought itself; 0 parts set none.</param>
/// <param name="Key">The principal's id.</param>
public readonly record struct BudgetScopes(string User, string Team, string Organisation, string RunId, Amount RunCap, string Key = "");

/// <summary>What one call holds and against which accounts. Owned by the call, reset and reused with it.</summary>
public sealed class Reservation
{
    internal List<Account> Accounts { get; } = [];
    internal Amount CallCap { get; set; } = Unlimited;
    internal Amount CallSoftCap { get; set; } = Unlimited;
    internal string CallSoftRoute { get; set; } = "";

    /// <summary>Held now.</summary>
    public Amount Held { get; internal set; }

    /// <summary>A cap of money applies: an unpriced candidate must not be called.</summary>
    public bool CapsMoney { get; internal set; }

    /// <summary>Any cap applies: answers must be cut to what was reserved.</summary>
    public bool HasCaps { get; internal set; }

    /// <summary>The call has gone where it is cheapest: soft caps hold it no longer.</summary>
    public bool PassesSoftCaps { get; set; }

    internal static Amount Unlimited => Amount.None;

    public void Reset()
    {
        Accounts.Clear();
        CallCap = Unlimited;
        CallSoftCap = Unlimited;
        CallSoftRoute = "";
        Held = default;
        CapsMoney = false;
        HasCaps = false;
        PassesSoftCaps = false;
    }
}
