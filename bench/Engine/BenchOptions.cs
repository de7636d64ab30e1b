using System.Globalization;

namespace Jesus.Bench.Engine;

/// <summary>What to run: by default the 1.1B shape, prefill 512 and decode 128 with 1 and 2 threads.</summary>
public sealed record BenchOptions
{
    /// <summary>Where the model file is made (1.17 GB) and kept between runs.</summary>
    public string Folder { get; init; } = Path.Combine("out", "bench");

    /// <summary>A file of a few megabytes: that the bench works, not how fast.</summary>
    public bool Tiny { get; init; }
    public int Prompt { get; init; } = 512;
    public int Generate { get; init; } = 128;
    public IReadOnlyList<int> Threads { get; init; } = [1, 2];
    public int Repeat { get; init; } = 3;

    /// <summary>Reads <c>--folder F --tiny --prompt N --generate N --threads 1,2 --repeat R</c>; null, with the reason, when an argument is wrong.</summary>
    public static BenchOptions? Parse(IReadOnlyList<string> arguments, out string problem)
    {
        var options = new BenchOptions();
        problem = "";
        for (var i = 0; i < arguments.Count; i++)
        {
            var value = i + 1 < arguments.Count ? arguments[i + 1] : "";
            switch (arguments[i])
            {
                case "--tiny":
                    options = options with { Tiny = true, Prompt = 32, Generate = 8, Repeat = 1 };
                    continue;
                case "--folder" when value.Length > 0:
                    options = options with { Folder = value };
                    break;
                case "--prompt" when TryCount(value, out var prompt):
                    options = options with { Prompt = prompt };
                    break;
                case "--generate" when TryCount(value, out var generate):
                    options = options with { Generate = generate };
                    break;
                case "--repeat" when TryCount(value, out var repeat):
                    options = options with { Repeat = repeat };
                    break;
                case "--threads" when Array.TrueForAll(value.Split(','), part => TryCount(part, out _)):
                    options = options with { Threads = value.Split(',').Select(part => int.Parse(part, CultureInfo.InvariantCulture)).ToArray() };
                    break;
                default:
                    problem = $"'{arguments[i]} {value}' is not understood; use --folder F --tiny --prompt N --generate N --threads 1,2 --repeat R";
                    return null;
            }

            i++;
        }

        return options;
    }

    private static bool TryCount(string text, out int count) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out count) && count > 0;
}
