using System.Globalization;

namespace Jesus.Bench.Load;

/// <summary>What to run: by default three rounds of every row against the published daemon, with nginx beside it.</summary>
public sealed record LoadOptions
{
    public const string Usage = "use --tiny --rounds N --seconds S --jesus FILE --portkey FOLDER --soak MINUTES --faults PER_THOUSAND --overload FACTOR --only NAME,NAME";

    /// <summary>A moment of each row: that the bench works, not how fast.</summary>
    public bool Tiny { get; init; }
    public int Rounds { get; init; } = 3;
    public double Seconds { get; init; } = 2;

    /// <summary>The published daemon; a second one, to compare with, may follow after a comma.</summary>
    public string Jesus { get; init; } = Path.Combine("out", "jesus");

    /// <summary>A folder in which <c>npm install @portkey-ai/gateway</c> was run; empty leaves that peer out.</summary>
    public string Portkey { get; init; } = "";

    /// <summary>Minutes at half load with faults in place of the rows; 0: the rows.</summary>
    public double SoakMinutes { get; init; }
    public int FaultsPerThousand { get; init; } = 10;

    /// <summary>Times of what a candidate can take that it is offered, in place of the rows; 0: the rows, and after them the usual factor.</summary>
    public double OverloadFactor { get; init; }

    /// <summary>Rows whose target's name begins so; empty: all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    public static LoadOptions? Parse(IReadOnlyList<string> arguments, out string problem)
    {
        var options = new LoadOptions();
        problem = "";
        for (var i = 0; i < arguments.Count; i++)
        {
            var value = i + 1 < arguments.Count ? arguments[i + 1] : "";
            if (arguments[i] == "--tiny")
            {
                options = options with { Tiny = true, Rounds = 1, Seconds = 0.2 };
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

    private static LoadOptions? With(LoadOptions options, string name, string value) => name switch
    {
        "--rounds" when TryNumber(value, out var rounds) => options with { Rounds = Math.Max(1, (int)rounds) },
        "--seconds" when TryNumber(value, out var seconds) => options with { Seconds = seconds },
        "--jesus" when value.Length > 0 => options with { Jesus = value },
        "--portkey" when value.Length > 0 => options with { Portkey = value },
        "--soak" when TryNumber(value, out var minutes) => options with { SoakMinutes = minutes },
        "--faults" when TryNumber(value, out var faults) && faults <= 1000 => options with { FaultsPerThousand = (int)faults },
        "--overload" when TryNumber(value, out var factor) && factor > 1 => options with { OverloadFactor = factor },
        "--only" when value.Length > 0 => options with { Only = value.Split(',') },
        _ => null,
    };

    private static bool TryNumber(string text, out double number) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && number > 0;
}
