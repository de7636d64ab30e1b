using System.Globalization;

namespace Jesus.Bench.Wire;

/// <summary>What to run: by default nine rounds over all rows.</summary>
public sealed record WireBenchOptions
{
    public const string Usage = "use --tiny --rounds N --milliseconds N";

    public int Rounds { get; init; } = 9;

    /// <summary>Of each row in each round.</summary>
    public int Milliseconds { get; init; } = 60;

    public static WireBenchOptions? Parse(IReadOnlyList<string> arguments, out string problem)
    {
        var options = new WireBenchOptions();
        problem = "";
        for (var i = 0; i < arguments.Count; i++)
        {
            if (arguments[i] == "--tiny")
            {
                options = options with { Rounds = 1, Milliseconds = 1 };
                continue;
            }

            var value = i + 1 < arguments.Count ? arguments[i + 1] : "";
            var isNumber = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0;
            WireBenchOptions? next = arguments[i] switch
            {
                "--rounds" when isNumber => options with { Rounds = number },
                "--milliseconds" when isNumber => options with { Milliseconds = number },
                _ => null,
            };
            if (next is null)
            {
                problem = $"'{arguments[i]} {value}' is not understood; {Usage}";
                return null;
            }

            options = next;
            i++;
        }

        return options;
    }
}
