using System.Globalization;

namespace Jesus.Appliance.Runner.Workflows;

/// <summary>Durations as people write them: a number and <c>ms, s, m, h</c> or <c>d</c>.</summary>
internal static class Durations
{
    private static readonly (string Unit, double Seconds)[] Units = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];

    public static bool TryParse(string text, out TimeSpan value)
    {
        foreach (var (unit, seconds) in Units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                && number * seconds < TimeSpan.MaxValue.TotalSeconds / 2)
            {
                value = TimeSpan.FromSeconds(number * seconds);
                return true;
            }
        }

        value = default;
        return false;
    }

    public static string Show(TimeSpan value)
    {
        var (unit, seconds) = Units.Last(entry => entry.Seconds <= Math.Max(0.001, value.TotalSeconds));
        return (value.TotalSeconds / seconds).ToString("0.#", CultureInfo.InvariantCulture) + unit;
    }
}
