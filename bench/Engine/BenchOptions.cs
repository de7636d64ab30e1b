using System.Globalization;
using Jesus.Inference.Engine.Lora;

namespace Jesus.Bench.Engine;

/// <summary>What to run: by default the 1.1B shape, prefill 512 and decode 128 with 1 and 2 threads.</summary>
public sealed record BenchOptions
{
    private const string Usage =
        "--folder F --tiny --shape 1.1b|0.5b --prompt N --generate N --batch N --threads 1,2 --repeat R --formats q8_0,q4_k_m --adapter-rank N --llama-bench PROGRAM --model FILE";

    /// <summary>Where model files are made (0.4 to 4.4 GB each) and kept between runs.</summary>
    public string Folder { get; init; } = Path.Combine("out", "bench");

    /// <summary>Files of a few megabytes: that the bench works, not how fast.</summary>
    public bool Tiny { get; init; }

    /// <summary>Of the random model: 1.1b or 0.5b.</summary>
    public string Shape { get; init; } = "1.1b";
    public int Prompt { get; init; } = 512;
    public int Generate { get; init; } = 128;

    /// <summary>Streams that decode together in the row of batched decoding; 1 leaves it out.</summary>
    public int Batch { get; init; } = 16;
    public IReadOnlyList<int> Threads { get; init; } = [1, 2];

    /// <summary>Rounds; figures are medians of them.</summary>
    public int Repeat { get; init; } = 3;
    public IReadOnlyList<string> Formats { get; init; } = ["q8_0"];

    /// <summary>Rank of LoRA adapters beside every matrix, whose passes are measured beside those without; 0: none.</summary>
    public int AdapterRank { get; init; }

    /// <summary>A developer's own llama-bench, interleaved with ours; empty for none.</summary>
    public string LlamaBench { get; init; } = "";

    /// <summary>A model file to run instead of a random one.</summary>
    public string Model { get; init; } = "";

    /// <summary>Reads the arguments; null, with the reason, when one is wrong.</summary>
    public static BenchOptions? Parse(IReadOnlyList<string> arguments, out string problem)
    {
        var options = new BenchOptions();
        problem = "";
        for (var i = 0; i < arguments.Count; i++)
        {
            if (arguments[i] == "--tiny")
            {
                options = options with { Tiny = true, Prompt = 32, Generate = 8, Batch = 3, Repeat = 1 };
                continue;
            }

            var value = i + 1 < arguments.Count ? arguments[i + 1] : "";
            if (With(options, arguments[i], value) is not { } next)
            {
                problem = $"'{arguments[i]} {value}' is not understood; use {Usage}";
                return null;
            }

            options = next;
            i++;
        }

        return options;
    }

    private static BenchOptions? With(BenchOptions options, string name, string value) => name switch
    {
        "--folder" when value.Length > 0 => options with { Folder = value },
        "--shape" when value is "1.1b" or "0.5b" => options with { Shape = value },
        "--llama-bench" when value.Length > 0 => options with { LlamaBench = value },
        "--model" when value.Length > 0 => options with { Model = value },
        "--prompt" when TryCount(value, out var count) => options with { Prompt = count },
        "--generate" when TryCount(value, out var count) => options with { Generate = count },
        "--batch" when TryCount(value, out var count) => options with { Batch = count },
        "--adapter-rank" when TryCount(value, out var count) && count <= LoraGraph.RankMax => options with { AdapterRank = count },
        "--repeat" when TryCount(value, out var count) => options with { Repeat = count },
        "--threads" when Array.TrueForAll(value.Split(','), part => TryCount(part, out _)) =>
            options with { Threads = value.Split(',').Select(part => int.Parse(part, CultureInfo.InvariantCulture)).ToArray() },
        "--formats" when Array.TrueForAll(value.Split(','), RandomWeights.Formats.Contains) => options with { Formats = value.Split(',') },
        _ => null,
    };

    private static bool TryCount(string text, out int count) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out count) && count > 0;
}
