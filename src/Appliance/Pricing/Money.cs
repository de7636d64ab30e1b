using System.Globalization;

namespace Jesus.Appliance.Pricing;

/// <summary>Money as people read it.</summary>
public static class Money
{
    /// <summary>Dollars with at least cents and at most micro-dollars: <c>$0.0314</c>.</summary>
    public static string Text(long microUsd) => (microUsd / 1_000_000m).ToString("'$'0.00####", CultureInfo.InvariantCulture);
}
