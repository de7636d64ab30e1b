using System.Diagnostics;
using System.Globalization;
using Jesus.Inference.Adapters.Local;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Batching;
using static Jesus.Bench.Engine.Invariant;

namespace Jesus.Bench.Engine;

/// <summary>
/// What guessing ahead brings to one answer, or to several at once: without it, with lookup alone, and with a draft model beside it, in turn in every round, the model loaded anew each
/// time. Three texts: one that repeats itself (phrases in a drawn order, held to by a regular expression, so that any model writes it), one that is drawn, and the likeliest one. The
/// tokens of a text must be the same in all rows.
/// </summary>
public static class SpeculationBench
{
    private const string Usage = "speculation [--model FILE --draft FILE] [--prompt FILE] [--folder F] [--generate N] [--streams 1,4] [--rounds N] [--threads N] [--tiny]";
    private const string Phrases = "((the pump was inspected|no leak was found|the valve closes in time|pressure is within bounds|nothing else to report); )+";
    private const int Seed = 11;
    private const int WarmUp = 24;

    private static readonly string[] Texts = ["repeating", "drawn", "likeliest"];
    private static readonly string[] Guessers = ["off", "lookup", "draft"];

    public static async Task<int> RunAsync(string[] arguments, TextWriter output)
    {
        if (Parse(arguments) is not { } options)
        {
            await output.WriteLineAsync($"not understood; use {Usage}");
            return 2;
        }

        var (model, draft) = options.Model.Length > 0 ? (options.Model, options.Draft) : (options.Tiny ? DraftPair.Tiny : DraftPair.OnePointOne).Make(options.Folder);
        var prompt = options.Prompt.Length > 0 ? await File.ReadAllTextAsync(options.Prompt) : string.Concat(Enumerable.Repeat("The quick brown fox jumps over the lazy dog. ", 3));
        await output.WriteLineAsync(Text($"{Path.GetFileName(model)} with {Path.GetFileName(draft)}, {options.Generate} tokens an answer, {options.Threads} threads, median of {options.Rounds}"));
        var rows = new Dictionary<(string, int, string), List<Row>>();
        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var guesser in Guessers.Where(guesser => guesser != "draft" || draft.Length > 0))
            {
                using var host = Host(options, model, draft, guesser);
                foreach (var (text, streams) in Texts.SelectMany(text => options.Streams.Select(streams => (text, streams))))
                {
                    var list = rows.TryGetValue((text, streams, guesser), out var known) ? known : rows[(text, streams, guesser)] = [];
                    list.Add(await MeasureAsync(host, prompt, text, streams, options.Generate));
                }
            }
        }

        Report(rows, output);
        return 0;
    }

    private static void Report(Dictionary<(string Text, int Streams, string Guesser), List<Row>> rows, TextWriter output)
    {
        foreach (var group in rows.GroupBy(entry => (entry.Key.Text, entry.Key.Streams)))
        {
            output.WriteLine(Text($"{group.Key.Text} text, {group.Key.Streams} {(group.Key.Streams == 1 ? "answer" : "answers")}:"));
            var plain = group.First(entry => entry.Key.Guesser == "off").Value;
            foreach (var (key, list) in group)
            {
                var gain = EngineRounds.Median(list.Zip(plain, (a, b) => a.PerSecond / b.PerSecond));
                var same = list.Zip(plain, (a, b) => a.Answers == b.Answers).All(equal => equal);
                output.WriteLine(Text($"  {key.Guesser,-7}{EngineRounds.Median(list.Select(row => row.PerSecond)),8:F1} tok/s, {gain:F2} of off; ")
                    + Text($"tokens a pass {Share(list, row => row.Tokens, row => row.Passes):F2}; ")
                    + Text($"lookup's guesses {Guesses(list, row => row.Lookup)}, the draft model's {Guesses(list, row => row.Model)}; {(same ? "same tokens" : "OTHER TOKENS")}"));
            }
        }
    }

    private static string Guesses(List<Row> rows, Func<Row, DraftCounts> counts) =>
        Text($"{rows.Sum(row => counts(row).Accepted)} of {rows.Sum(row => counts(row).Computed)} right");

    private static double Share(List<Row> rows, Func<Row, double> of, Func<Row, double> to) => rows.Sum(of) / rows.Sum(to);

    private static ModelHost Host(Options options, string model, string draft, string guesser) => new(new ModelHostOptions
    {
        Paths = new Dictionary<string, ModelPath> { ["model"] = new(model) },
        Drafts = guesser == "draft" ? new Dictionary<string, ModelPath> { ["model"] = new(draft) } : new Dictionary<string, ModelPath>(),
        Threads = options.Threads,
        KvBytesMax = 256L << 20,
        Batch = new BatchLimits { Speculates = guesser != "off" },
    }, TimeProvider.System);

    private static async Task<Row> MeasureAsync(ModelHost host, string prompt, string text, int streams, int generate)
    {
        var adapter = new LocalAdapter(host, TimeProvider.System);
        var load = await host.LoadAsync("model");
        var engine = load.Model?.Engine ?? throw new InvalidOperationException(load.Error.Message);
        _ = await AskAsync(adapter, "warm " + prompt, text, WarmUp, 0);
        var before = engine.Snapshot;
        var answers = await Task.WhenAll(Enumerable.Range(0, streams).Select(i => Task.Run(() => AskAsync(adapter, prompt, text, generate, i))));
        var after = engine.Snapshot;
        var counts = (Old: before.Counts, New: after.Counts);
        return new Row(
            answers.Sum(answer => answer.PerSecond),
            string.Join('|', answers.Select(answer => answer.Ids)),
            counts.New.TokensDrawn - counts.Old.TokensDrawn,
            after.Steps - before.Steps,
            Less(counts.New.Lookup, counts.Old.Lookup),
            Less(counts.New.Model, counts.Old.Model));
    }

    private static DraftCounts Less(DraftCounts now, DraftCounts before) => new(now.Computed - before.Computed, now.Accepted - before.Accepted);

    private static async Task<Stream> AskAsync(LocalAdapter adapter, string prompt, string text, int generate, int stream)
    {
        var request = new ModelRequest { MaxOutputTokens = generate };
        request.Model = request.Text.Copy("model");
        request.Turns.Add(TurnRole.User, request.Text.Copy(Text($"{stream}. {prompt}")));
        request.Sampling = text == "likeliest" ? default : new Sampling { Temperature = 1, TopK = 40, Seed = Seed };
        if (text == "repeating")
        {
            (request.Constraint.Kind, request.Constraint.Source) = (ConstraintKind.Regex, request.Text.Copy(Phrases));
        }

        var answer = new Stream();
        var result = await adapter.CallAsync(request, answer, CancellationToken.None);
        return result.Succeeded ? answer : throw new InvalidOperationException(result.Error.Message);
    }

    private static Options? Parse(string[] arguments)
    {
        var options = new Options();
        for (var i = 0; i < arguments.Length; i++)
        {
            var value = i + 1 < arguments.Length ? arguments[i + 1] : "";
            var next = arguments[i] switch
            {
                "--tiny" => options with { Tiny = true, Generate = 24, Rounds = 1 },
                "--model" when value.Length > 0 => options with { Model = value },
                "--draft" when value.Length > 0 => options with { Draft = value },
                "--prompt" when value.Length > 0 => options with { Prompt = value },
                "--folder" when value.Length > 0 => options with { Folder = value },
                "--generate" when TryCount(value, out var count) => options with { Generate = count },
                "--rounds" when TryCount(value, out var count) => options with { Rounds = count },
                "--threads" when TryCount(value, out var count) => options with { Threads = count },
                "--streams" when Array.TrueForAll(value.Split(','), part => TryCount(part, out _)) =>
                    options with { Streams = [.. value.Split(',').Select(part => int.Parse(part, CultureInfo.InvariantCulture))] },
                _ => null,
            };
            if (next is null)
            {
                return null;
            }

            i += arguments[i] == "--tiny" ? 0 : 1;
            options = next;
        }

        return options;
    }

    private static bool TryCount(string text, out int count) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out count) && count > 0;

    private sealed record Options
    {
        public string Model { get; init; } = "";
        public string Draft { get; init; } = "";

        /// <summary>A file whose text is the prompt.</summary>
        public string Prompt { get; init; } = "";
        public string Folder { get; init; } = Path.Combine("out", "bench");
        public int Generate { get; init; } = 128;
        public int Rounds { get; init; } = 3;
        public int Threads { get; init; } = Environment.ProcessorCount;
        public IReadOnlyList<int> Streams { get; init; } = [1];
        public bool Tiny { get; init; }
    }

    private sealed record Row(double PerSecond, string Answers, double Tokens, double Passes, DraftCounts Lookup, DraftCounts Model);

    /// <summary>When an answer's tokens came, and which.</summary>
    private sealed class Stream : IAnswerSink
    {
        private readonly List<int> _ids = [];
        private long _first;
        private long _last;
        private int _firstCount;

        public string Ids => string.Join(' ', _ids);
        public double PerSecond => (_ids.Count - _firstCount) / Math.Max(1e-9, Stopwatch.GetElapsedTime(_first, _last).TotalSeconds);

        public ValueTask WriteAsync(ModelEvent item)
        {
            if (item.Tokens.Ids.Length > 0)
            {
                _ids.AddRange(item.Tokens.Ids.Span);
                _last = Stopwatch.GetTimestamp();
                (_first, _firstCount) = _first == 0 ? (_last, _ids.Count) : (_first, _firstCount);
            }

            return default;
        }
    }
}
