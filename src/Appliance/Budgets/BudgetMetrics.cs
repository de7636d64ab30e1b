using System.Diagnostics.Metrics;
using Jesus.Appliance.Telemetry;

namespace Jesus.Appliance.Budgets;

/// <summary>The instruments of budgets. Labels are scopes, never names: these are unbounded.</summary>
internal static class BudgetMetrics
{
    private static readonly Counter<long> Refusals = JesusMeter.Instance.CreateCounter<long>(
        "budget_refusals_total", description: "Reservations that a cap refused, by scope.");
    private static readonly Counter<long> Softened = JesusMeter.Instance.CreateCounter<long>(
        "budget_soft_refusals_total", description: "Calls that a soft cap sent where it is cheaper.");
    private static readonly Counter<long> Overruns = JesusMeter.Instance.CreateCounter<long>(
        "budget_overruns_total", description: "Attempts that were billed above their bound.");
    private static readonly Counter<double> OverrunUsd = JesusMeter.Instance.CreateCounter<double>("budget_overrun_usd_total", description: "Dollars billed above bounds.");
    private static readonly Counter<long> Leases = JesusMeter.Instance.CreateCounter<long>(
        "budget_lease_writes_total", description: "Times that a call waited for more of a cap to be durable.");
    private static readonly KeyValuePair<string, object?>[] Scopes =
        [.. Enum.GetValues<BudgetScope>().Select(s => new KeyValuePair<string, object?>("scope", ScopeNames.Of(s)))];

    private static volatile BudgetKeeper? _watched;

    static BudgetMetrics()
    {
        _ = JesusMeter.Instance.CreateObservableGauge("budget_used_ratio", Ratios, description: "Of each scope the account nearest its cap: the share that is used or held.");
        _ = JesusMeter.Instance.CreateObservableGauge("budget_reserved_usd", ReservedUsd, description: "Dollars held by calls in progress, by scope.");
    }

    /// <summary>The keeper that the gauges show.</summary>
    public static void Watch(BudgetKeeper keeper) => _watched = keeper;

    public static void Refused(BudgetScope scope, bool softly) => (softly ? Softened : Refusals).Add(1, Scopes[(int)scope]);

    public static void Overran(long microUsd)
    {
        Overruns.Add(1);
        OverrunUsd.Add(Math.Max(0, microUsd) / 1e6);
    }

    public static void Leased() => Leases.Add(1);

    private static IEnumerable<Measurement<double>> Ratios() => Measure(static totals => totals.UsedRatio);

    private static IEnumerable<Measurement<double>> ReservedUsd() => Measure(static totals => totals.ReservedMicroUsd / 1e6);

    private static IEnumerable<Measurement<double>> Measure(Func<ScopeTotals, double> value)
    {
        var totals = _watched?.Admin.Totals() ?? [];
        for (var scope = 0; scope < totals.Length; scope++)
        {
            if (totals[scope].Accounts > 0)
            {
                yield return new Measurement<double>(value(totals[scope]), Scopes[scope]);
            }
        }
    }
}

/// <summary>All accounts of a scope together.</summary>
/// <param name="UsedRatio">The largest.</param>
internal readonly record struct ScopeTotals(int Accounts, double UsedRatio, long ReservedMicroUsd);
