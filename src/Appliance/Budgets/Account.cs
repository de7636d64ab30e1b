namespace Jesus.Appliance.Budgets;

/// <summary>Names one cap in one period: <paramref name="Index"/> counts local days or months, 0 for <see cref="BudgetPeriod.Ever"/>.</summary>
public readonly record struct AccountKey(BudgetScope Scope, string Name, BudgetPeriod Period, int Index)
{
    /// <summary>As it is shown: <c>team:red per day</c>.</summary>
    public string Display => Period == BudgetPeriod.Ever
        ? $"{ScopeNames.Of(Scope)}:{Name}"
        : $"{ScopeNames.Of(Scope)}:{Name} per {ScopeNames.Of(Period)}";
}

/// <summary>
/// What is used and held against one cap. Belongs to the <see cref="Ledger"/>. Always <c>Used + Reserved &lt;= Leased</c>, and <c>&lt;= Cap</c> but where a
/// provider billed more than it was allowed to (an overrun) or the cap was lowered below what is used already.
/// </summary>
public sealed class Account(AccountKey key)
{
    /// <summary>Per cent of a cap at which somebody is told, once each.</summary>
    public static ReadOnlySpan<byte> AlertPercents => [75, 90, 100];

    private Amount _cap = Amount.None;
    private Amount? _borrowed;

    public AccountKey Key { get; } = key;

    /// <summary>What may be used and held at most: the configured cap, or less where another box owns it and lent only so much.</summary>
    public Amount Cap { get; private set; } = Amount.None;

    /// <summary>From here on calls go where it is cheaper; <see cref="Amount.None"/> when there is no soft cap.</summary>
    public Amount SoftCap { get; internal set; } = Amount.None;

    /// <summary>The route that answers once the soft cap is reached; empty takes the cheaper candidates of the call's own.</summary>
    public string SoftRoute { get; internal set; } = "";

    /// <summary>How much of the cap is durable as taken: after a crash all of it counts as used.</summary>
    public Amount Leased { get; internal set; }

    /// <summary>Monotonic milliseconds of the last lease.</summary>
    internal long LeasedAtMs { get; set; }

    /// <summary>Leased, neither used nor held, beyond which a burst has left too much.</summary>
    internal Amount SpareMax { get; set; } = Amount.None;
    internal bool IsSpacious => !(Leased - (Used + Reserved)).FitsIn(SpareMax);
    public Amount Used { get; internal set; }
    public Amount Reserved { get; internal set; }

    /// <summary>Of <see cref="Used"/>, what other boxes were lent and have not given back.</summary>
    public Amount Lent { get; internal set; }

    /// <summary>Order of use, by which old periods are forgotten: no clock decides it.</summary>
    internal long Touched { get; set; }

    /// <summary>How many of <see cref="AlertPercents"/> were told.</summary>
    internal int AlertsRaised { get; set; }

    /// <summary>Use at which the next alert is due.</summary>
    internal Amount NextAlert { get; private set; } = Amount.None;

    /// <summary>Share of the cap that is used or held, of money or tokens, whichever is nearer its end.</summary>
    public double UsedRatio => Ratio(Used + Reserved, _cap == Amount.None ? SoftCap : _cap);

    /// <summary>The cap that alerts speak of: the hard one, else the soft one.</summary>
    public Amount AlertCap => Cap == Amount.None ? SoftCap : Cap;

    /// <summary>The cap as it was set last.</summary>
    internal Cap SetFrom { get; private set; } = Budgets.Cap.None;

    /// <summary>The configured hard cap, whatever of it was lent.</summary>
    internal Amount WholeCap => _cap;

    /// <summary>Another box owns the cap.</summary>
    internal bool IsBorrowed => _borrowed is not null && (SetFrom.Owner.Length == 0 || SetFrom.IsBorrowed);

    /// <summary>The largest call that was refused here for want of a loan since somebody last looked.</summary>
    internal Amount Lacked { get; set; }

    internal void SetCap(in Cap cap)
    {
        SetFrom = cap;
        _cap = cap.Hard;
        _borrowed ??= cap.IsBorrowed ? default(Amount) : null;
        (SoftCap, SoftRoute) = (cap.Soft, cap.Route);
        Recompute();
    }

    /// <summary>Another box owns the cap and lent so much of it.</summary>
    internal void Borrow(Amount lent)
    {
        _borrowed = lent;
        Recompute();
    }

    internal bool IsAlertDue => Used.MicroUsd >= NextAlert.MicroUsd || Used.Tokens >= NextAlert.Tokens;

    /// <summary>The percentage that is due now, counted as told.</summary>
    internal int TakeAlert()
    {
        var percent = AlertPercents[AlertsRaised++];
        Recompute();
        return percent;
    }

    /// <summary>Told in an earlier life, or at the same moment as a higher one.</summary>
    internal void MarkAlerts(int raised)
    {
        AlertsRaised = Math.Max(AlertsRaised, raised);
        Recompute();
    }

    private void Recompute()
    {
        // The owner counts what it lends as used and tells of its cap; a loan that is nearly used is no news.
        Cap = IsBorrowed ? Bound(_cap, _borrowed!.Value) : _cap;
        NextAlert = !IsBorrowed && AlertsRaised < AlertPercents.Length ? AlertCap.Percent(AlertPercents[AlertsRaised]) : Amount.None;
    }

    /// <summary>A loan bounds what its cap bounds: where there is no cap of tokens, none are lent.</summary>
    private static Amount Bound(Amount cap, Amount lent) => new(Bound(cap.MicroUsd, lent.MicroUsd), Bound(cap.Tokens, lent.Tokens));

    private static long Bound(long cap, long lent) => cap >= Amount.Unlimited ? cap : Math.Min(cap, lent);

    private static double Ratio(Amount taken, Amount cap) => Math.Max(Ratio(taken.MicroUsd, cap.MicroUsd), Ratio(taken.Tokens, cap.Tokens));

    private static double Ratio(long taken, long cap) => cap >= Amount.Unlimited ? 0 : cap == 0 ? 1 : (double)taken / cap;
}
