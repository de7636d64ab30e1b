using System.Globalization;

namespace Jesus.Bench.Serving;

/// <summary>What to run: by default the 1.1B shape in Q8_0 through the published daemon, 64 tokens read and 64 written a stream.</summary>
public sealed record ServingOptions
{
    public const string Usage =
        "use [embeddings] --tiny --jesus FILE --llama-server FILE --model FILE.gguf --folder F "
        + "--streams 1,4,16,32 --prompt N --long N --generate N --rounds N --threads N --draft lookup|off";

    /// <summary>A model of a few megabytes: that the bench works, not how fast.</summary>
    public bool Tiny { get; init; }

    /// <summary>The published daemon, or its .dll.</summary>
    public string Jesus { get; init; } = Path.Combine("out", "jesus");

    /// <summary>A developer's own llama-server to compare with, in turn; empty leaves it out.</summary>
    public string LlamaServer { get; init; } = "";

    /// <summary>A file to serve in place of one with random weights; its tokenizer should make about a token of each letter, or prompts are shorter than said.</summary>
    public string Model { get; init; } = "";

    /// <summary>Where the random model is made (1.17 GB) and kept.</summary>
    public string Folder { get; init; } = Path.Combine("out", "bench");
    public IReadOnlyList<int> Streams { get; init; } = [1, 4, 16, 32];

    /// <summary>Tokens of a prompt, and of one of those that arrive while others answer.</summary>
    public int Prompt { get; init; } = 64;
    public int LongPrompt { get; init; } = 2_000;
    public int Generate { get; init; } = 64;
    public int Rounds { get; init; } = 1;
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>The daemon's <c>engine.draft</c>: off, so that random weights that repeat themselves do not flatter the figures.</summary>
    public string Draft { get; init; } = "off";

    public static ServingOptions? Parse(IReadOnlyList<string> arguments, out string problem)
    {
        var options = new ServingOptions();
        problem = "";
        for (var i = 0; i < arguments.Count; i++)
        {
            var value = i + 1 < arguments.Count ? arguments[i + 1] : "";
            if (arguments[i] == "--tiny")
            {
                options = options with { Tiny = true, Streams = [1, 4], Prompt = 16, LongPrompt = 200, Generate = 8 };
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

    private static ServingOptions? With(ServingOptions options, string name, string value) => name switch
    {
        "--jesus" when value.Length > 0 => options with { Jesus = value },
        "--llama-server" when value.Length > 0 => options with { LlamaServer = value },
        "--model" when value.Length > 0 => options with { Model = value },
        "--folder" when value.Length > 0 => options with { Folder = value },
        "--streams" when Array.TrueForAll(value.Split(','), part => TryCount(part, out _)) =>
            options with { Streams = [.. value.Split(',').Select(part => int.Parse(part, CultureInfo.InvariantCulture))] },
        "--prompt" when TryCount(value, out var count) => options with { Prompt = count },
        "--long" when TryCount(value, out var count) => options with { LongPrompt = count },
        "--generate" when TryCount(value, out var count) => options with { Generate = count },
        "--rounds" when TryCount(value, out var count) => options with { Rounds = count },
        "--threads" when TryCount(value, out var count) => options with { Threads = count },
        "--draft" when value is "off" or "lookup" => options with { Draft = value },
        _ => null,
    };

    private static bool TryCount(string text, out int count) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out count) && count > 0;
}
