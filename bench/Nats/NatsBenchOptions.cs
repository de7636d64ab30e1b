using System.Globalization;

namespace Jesus.Bench.Nats;

/// <summary>What to run: by default five rounds of every row, with the raw sockets beside it.</summary>
public sealed record NatsBenchOptions
{
    public const string Usage = "use --tiny --rounds N --seconds S --messages N --raw FILE --server FILE --only NAME,NAME";

    public int Rounds { get; init; } = 5;

    /// <summary>Of each row of requests.</summary>
    public double Seconds { get; init; } = 1;

    /// <summary>Of each row of publishing and subscribing; a million takes a fifth of a second at the ceiling.</summary>
    public int Messages { get; init; } = 1_000_000;

    /// <summary>The compiled <c>raw.c</c>; where it is missing, its rows are left out.</summary>
    public string Raw { get; init; } = Path.Combine("out", "bench", "nats-raw");
    public string Server { get; init; } = "/usr/sbin/nats-server";

    /// <summary>Rows whose name begins so; empty: all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    public static NatsBenchOptions? Parse(IReadOnlyList<string> arguments, out string problem)
    {
        var options = new NatsBenchOptions();
        problem = "";
        for (var i = 0; i < arguments.Count; i++)
        {
            var value = i + 1 < arguments.Count ? arguments[i + 1] : "";
            if (arguments[i] == "--tiny")
            {
                options = options with { Rounds = 1, Seconds = 0.05, Messages = 5_000 };
                continue;
            }

            if (With(options, arguments[i], value) is not { } next)
            {
                problem = $"'{arguments[i]} {value}' is not understood; {Usage}";
                return null;
            }

            options = next;
            i++;
        }

        return options;
    }

    private static NatsBenchOptions? With(NatsBenchOptions options, string name, string value) => name switch
    {
        "--rounds" when TryNumber(value, out var rounds) => options with { Rounds = Math.Max(1, (int)rounds) },
        "--seconds" when TryNumber(value, out var seconds) => options with { Seconds = seconds },
        "--messages" when TryNumber(value, out var messages) => options with { Messages = Math.Max(1, (int)messages) },
        "--raw" when value.Length > 0 => options with { Raw = value },
        "--server" when value.Length > 0 => options with { Server = value },
        "--only" when value.Length > 0 => options with { Only = value.Split(',') },
        _ => null,
    };

    private static bool TryNumber(string text, out double number) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && number > 0;
}
