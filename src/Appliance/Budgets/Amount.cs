namespace Jesus.Appliance.Budgets;

/// <summary>Money and tokens, always counted together. Never negative where it is an amount held or used.</summary>
public readonly record struct Amount(long MicroUsd, long Tokens)
{
    /// <summary>As a cap: none. Far from overflow, so that sums stay exact.</summary>
    public const long Unlimited = long.MaxValue / 4;

    /// <summary>As a cap: none at all.</summary>
    public static Amount None => new(Unlimited, Unlimited);

    public static Amount operator +(Amount a, Amount b) => new(a.MicroUsd + b.MicroUsd, a.Tokens + b.Tokens);
    public static Amount operator -(Amount a, Amount b) => new(a.MicroUsd - b.MicroUsd, a.Tokens - b.Tokens);

    /// <summary>Both parts are within the other's.</summary>
    public bool FitsIn(Amount other) => MicroUsd <= other.MicroUsd && Tokens <= other.Tokens;

    /// <summary>So many per cent of a cap, rounded up; no cap stays none.</summary>
    public Amount Percent(int percent) => new(Percent(MicroUsd, percent), Percent(Tokens, percent));

    public static Amount Min(Amount a, Amount b) => new(Math.Min(a.MicroUsd, b.MicroUsd), Math.Min(a.Tokens, b.Tokens));
    public static Amount Max(Amount a, Amount b) => new(Math.Max(a.MicroUsd, b.MicroUsd), Math.Max(a.Tokens, b.Tokens));

    private static long Percent(long value, int percent) => value >= Unlimited ? Unlimited : (long)Math.Ceiling(value * (decimal)percent / 100);
}
