using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Tools;

namespace Jesus.Appliance.Cli;

/// <summary>The verbs on one model file: inspect, tokenize, detokenize, logits, bench. None needs a daemon.</summary>
internal static class ModelFileVerbs
{
    private static readonly Argument<string> Model = new("file") { Description = "The GGUF file." };
    private static readonly Option<string> Text = new("--text") { Description = "The text; - reads the standard input.", Required = true, HelpName = "TEXT" };
    private static readonly Option<bool> Special = new("--special") { Description = "Take control tokens written in the text as such." };
    private static readonly Option<string> Ids = new("--ids") { Description = "Token ids, separated by commas.", Required = true, HelpName = "1,2,3" };
    private static readonly Option<bool> All = new("--all") { Description = "Every position's logits, not only the last's." };
    private static readonly Option<int> Prompt = new("--prompt") { Description = "Tokens read.", DefaultValueFactory = _ => 512, HelpName = "N" };
    private static readonly Option<int> Generate = new("--generate") { Description = "Tokens generated.", DefaultValueFactory = _ => 128, HelpName = "N" };
    private static readonly Option<int> Threads = new("--threads") { Description = "Threads; 0 is one a core.", HelpName = "N" };
    private static readonly Option<int> Repeat = new("--repeat") { Description = "Repeats, of which the median counts.", DefaultValueFactory = _ => 3, HelpName = "R" };

    public static Command Inspect() =>
        Verb.Of("inspect", "Show what a model file says about itself, and whether it can be run here.", "jesus models inspect models/jesus-nano.gguf",
        call => Task.FromResult(Inspect(call)), Model);

    public static Command Tokenize() => Verb.Of("tokenize", "Print the token ids of a text.", "jesus models tokenize models/jesus-nano.gguf --text \"hello\"",
        call => Task.FromResult(Tokenize(call)), Model, Text, Special);

    public static Command Detokenize() => Verb.Of("detokenize", "Print the text of token ids.", "jesus models detokenize models/jesus-nano.gguf --ids 271,300",
        call => Task.FromResult(Detokenize(call)), Model, Ids);

    public static Command Logits() => Verb.Of("logits", "Print the logits after the last token.", "jesus models logits models/jesus-nano.gguf --ids 1,2,3 --json",
        call => Task.FromResult(Logits(call)), Model, Ids, All, Threads);

    public static Command Bench() => Verb.Of("bench", "Measure reading a prompt and generating.", "jesus models bench models/jesus-nano.gguf --prompt 512 --generate 128",
        call => Task.FromResult(Bench(call)), Model, Prompt, Generate, Threads, Repeat);

    /// <summary>The value, or the end of the verb in the tool's own words.</summary>
    public static T Need<T>(ToolResult<T> result)
        where T : class => result.Value ?? throw new VerbException(ExitCodes.Failed, result.Error.Message);

    private static int Inspect(VerbCall call)
    {
        var model = Need(ModelTools.Inspect(call.Parsed.GetValue(Model)!));
        if (call.Json)
        {
            call.Screen.Line(JsonOf(model));
            return model.Problem is null ? ExitCodes.Done : ExitCodes.Failed;
        }

        var screen = call.Screen;
        var name = screen.Bold(Screen.Safe(model.Name.Length > 0 ? model.Name : model.Path));
        screen.Line($"{name}: {Screen.Safe(model.Architecture)}, GGUF version {model.Version}, {Screen.Bytes(model.Bytes)}");
        screen.Line(string.Create(CultureInfo.InvariantCulture,
            $"{model.Parameters:N0} parameters in {Screen.Bytes(model.TensorBytes)}, context {model.ContextTokens}, {model.VocabularyCount} tokens"));
        if (model.Uses != ModelUses.None)
        {
            screen.Line($"for {UsesOf(model)}{(model.Pooling.Length > 0 ? $" (pooling {model.Pooling})" : "")}");
        }

        screen.Line();
        foreach (var key in model.Metadata)
        {
            screen.Line($"  {Screen.Safe(key.Key)} = {Cut(Screen.Safe(key.Value).ReplaceLineEndings("\\n"))} {screen.Dim(key.Type)}");
        }

        screen.Line();
        List<string[]> rows = [["TENSOR", "TYPE", "SHAPE", "SIZE"]];
        rows.AddRange(model.Tensors.Select(t => new[] { t.Name, t.Type, string.Join(" x ", t.Dimensions), Screen.Bytes(t.Bytes) }));
        screen.Table(rows);
        if (model.Problem is { } problem)
        {
            screen.Complain($"it cannot be run here: {problem}");
        }

        return model.Problem is null ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static int Tokenize(VerbCall call)
    {
        var text = call.Parsed.GetValue(Text)!;
        var ids = Need(ModelTools.Tokenize(call.Parsed.GetValue(Model)!, text == "-" ? Console.In.ReadToEnd() : text, call.Parsed.GetValue(Special)));
        var list = string.Join(',', ids.Select(id => id.ToString(CultureInfo.InvariantCulture)));
        call.Screen.Line(call.Json ? $"{{\"ids\":[{list}]}}" : list);
        return ExitCodes.Done;
    }

    private static int Detokenize(VerbCall call)
    {
        var text = Need(ModelTools.Detokenize(call.Parsed.GetValue(Model)!, IdsOf(call)));
        call.Screen.Line(call.Json ? JsonLine.Of(json => json.WriteString("text"u8, text)) : Screen.Safe(text));
        return ExitCodes.Done;
    }

    private static int Logits(VerbCall call)
    {
        var rows = Need(ModelTools.Logits(call.Parsed.GetValue(Model)!, IdsOf(call), call.Parsed.GetValue(All), call.Parsed.GetValue(Threads)));
        if (call.Json)
        {
            call.Screen.Line(JsonLine.Of(json => WriteLogits(json, rows, call.Parsed.GetValue(All))));
            return ExitCodes.Done;
        }

        foreach (var row in rows)
        {
            var best = row.Select((value, id) => (Value: value, Id: id)).OrderByDescending(p => p.Value).Take(10);
            call.Screen.Line(string.Join("  ", best.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Id}:{p.Value:0.0000}"))));
        }

        return ExitCodes.Done;
    }

    private static int Bench(VerbCall call)
    {
        var parsed = call.Parsed;
        var bench = Need(ModelTools.Bench(parsed.GetValue(Model)!, parsed.GetValue(Prompt), parsed.GetValue(Generate), parsed.GetValue(Threads), parsed.GetValue(Repeat)));
        if (call.Json)
        {
            call.Screen.Line(JsonLine.Of(json =>
            {
                json.WriteNumber("prompt_tokens_per_second"u8, Math.Round(bench.PromptTokensPerSecond, 2));
                json.WriteNumber("generate_tokens_per_second"u8, Math.Round(bench.GenerateTokensPerSecond, 2));
                json.WriteNumber("weight_bytes"u8, bench.WeightBytes);
                json.WriteNumber("read_gb_per_second"u8, Math.Round(bench.ReadGbPerSecond, 3));
                json.WriteNumber("threads"u8, bench.Threads);
                json.WriteString("isa"u8, bench.Isa);
            }));
            return ExitCodes.Done;
        }

        call.Screen.Line(string.Create(CultureInfo.InvariantCulture, $"prompt    {bench.PromptTokensPerSecond:0.0} tokens/s"));
        call.Screen.Line(string.Create(CultureInfo.InvariantCulture,
            $"generate  {bench.GenerateTokensPerSecond:0.0} tokens/s, reading {bench.ReadGbPerSecond:0.00} GB/s of {Screen.Bytes(bench.WeightBytes)} weights"));
        call.Screen.Line($"with      {bench.Threads} threads, {bench.Isa}");
        return ExitCodes.Done;
    }

    private static int[] IdsOf(VerbCall call)
    {
        var parts = call.Parsed.GetValue(Ids)!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var ids = new int[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out ids[i]))
            {
                throw new VerbException(ExitCodes.BadUsage, $"--ids: '{parts[i]}' is no token id; write numbers separated by commas.");
            }
        }

        return ids;
    }

    private static void WriteLogits(Utf8JsonWriter json, float[][] rows, bool all)
    {
        json.WriteStartArray("logits"u8);
        foreach (var row in rows)
        {
            if (all)
            {
                json.WriteStartArray();
            }

            foreach (var value in row)
            {
                json.WriteNumberValue(value);
            }

            if (all)
            {
                json.WriteEndArray();
            }
        }

        json.WriteEndArray();
    }

    private static string JsonOf(ModelInspection model) => JsonLine.Of(json =>
    {
        json.WriteString("path"u8, model.Path);
        json.WriteNumber("bytes"u8, model.Bytes);
        json.WriteNumber("gguf_version"u8, model.Version);
        json.WriteString("architecture"u8, model.Architecture);
        json.WriteString("name"u8, model.Name);
        json.WriteNumber("parameters"u8, model.Parameters);
        json.WriteNumber("tensor_bytes"u8, model.TensorBytes);
        json.WriteNumber("context_tokens"u8, model.ContextTokens);
        json.WriteNumber("vocabulary"u8, model.VocabularyCount);
        json.WriteString("uses"u8, UsesOf(model));
        json.WriteString("pooling"u8, model.Pooling);
        json.WriteString("problem"u8, model.Problem);
        json.WriteStartObject("metadata"u8);
        foreach (var key in model.Metadata)
        {
            json.WriteString(key.Key, key.Value);
        }

        json.WriteEndObject();
        json.WriteStartArray("tensors"u8);
        foreach (var tensor in model.Tensors)
        {
            json.WriteStartObject();
            json.WriteString("name"u8, tensor.Name);
            json.WriteString("type"u8, tensor.Type);
            json.WriteStartArray("shape"u8);
            foreach (var dimension in tensor.Dimensions)
            {
                json.WriteNumberValue(dimension);
            }

            json.WriteEndArray();
            json.WriteNumber("offset"u8, tensor.Offset);
            json.WriteNumber("bytes"u8, tensor.Bytes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    /// <summary>In the words of `jesus models list`.</summary>
    private static string UsesOf(ModelInspection model) => string.Join(", ", new[]
    {
        model.Uses.HasFlag(ModelUses.Generate) ? "text" : "", model.Uses.HasFlag(ModelUses.Embed) ? "embeddings" : "", model.Uses.HasFlag(ModelUses.Rerank) ? "rerank" : "",
    }.Where(use => use.Length > 0));

    private static string Cut(string text) => text.Length <= 100 ? text : text[..100] + "…";
}
