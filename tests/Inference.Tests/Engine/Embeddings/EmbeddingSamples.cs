using System.Runtime.InteropServices;
using System.Text.Json;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Inference.Tests.Engine.Architectures;

namespace Jesus.Inference.Tests.Engine.Embeddings;

/// <summary>The models of embeddings-golden.json (make-golden.py beside it) as files with a tokenizer, and what their texts must give.</summary>
internal sealed class EmbeddingSamples
{
    /// <summary>Words of the vocabulary, each one token; with the five special ones 96.</summary>
    private const int Words = 91;
    public const int Begin = 2;
    public const int Closing = 3;

    private static readonly JsonElement All = Load();
    private readonly JsonElement _model;

    private EmbeddingSamples(JsonElement model)
    {
        _model = model;
        Texts = [.. model.GetProperty("texts").EnumerateArray().Select(text => text.EnumerateArray().Select(id => id.GetInt32()).ToArray())];
        Seconds = [.. model.GetProperty("seconds").EnumerateArray().Select(second => second.GetInt32())];
        var values = MemoryMarshal.Cast<byte, float>(model.GetProperty("vectors").GetBytesFromBase64()).ToArray();
        Vectors = [.. values.Chunk(values.Length / Texts.Length)];
    }

    public static IReadOnlyList<string> Names { get; } = [.. All.GetProperty("models").EnumerateArray().Select(model => model.GetProperty("name").GetString()!)];

    public int[][] Texts { get; }

    /// <summary>Where a pair's second text begins; -1 for a text alone.</summary>
    public int[] Seconds { get; }
    public float[][] Vectors { get; }
    public bool Ranks => _model.GetProperty("ranks").GetBoolean();

    public static EmbeddingSamples Of(string name) => new(All.GetProperty("models").EnumerateArray().Single(model => model.GetProperty("name").GetString() == name));

    /// <summary>A host of this one model, whose file lies in the folder.</summary>
    public static ModelHost Host(string folder, string name, int threads = 2, BatchLimits? batch = null, bool reference = false, KvElementType kv = KvElementType.F16)
    {
        var path = Path.Combine(folder, name + ".gguf");
        if (!File.Exists(path))
        {
            File.WriteAllBytes(path, Of(name).Write().ToArray());
        }

        var options = new ModelHostOptions
        {
            Paths = new Dictionary<string, ModelPath> { [name] = new(path) },
            Threads = threads,
            Batch = batch ?? new BatchLimits(),
            KvType = kv,
            UseReferenceBackend = reference,
        };
        return new ModelHost(options, TimeProvider.System);
    }

    public static async Task<LoadedModel> LoadAsync(ModelHost host, string name)
    {
        var load = await host.LoadAsync(name);
        Assert.True(load.Succeeded, load.Error.Message);
        return load.Model!;
    }

    /// <summary>Texts as tokens through the engine in one call; each one's vector or score.</summary>
    public static async Task<float[][]> RunAsync(LoadedModel model, int[][] texts, int[] seconds)
    {
        var call = model.Vectors.Rent();
        for (var i = 0; i < texts.Length; i++)
        {
            var start = call.Tokens.Count;
            call.Tokens.Add(texts[i]);
            call.EndText(seconds[i] < 0 ? -1 : start + seconds[i]);
        }

        var error = model.Engine.Submit(call);
        Assert.True(error.IsNone, error.Message);
        await call.WaitAsync();
        Assert.True(call.Error.IsNone, call.Error.Message);
        Assert.Equal(texts.Sum(text => text.Length), call.TokensDone);
        var vectors = Enumerable.Range(0, texts.Length).Select(i => model.Vectors.Finish(call, i, 0).ToArray()).ToArray();
        model.Vectors.Return(call);
        return vectors;
    }

    /// <summary>The file: the model, a vocabulary of words ("w0", "w1" ...) and, for a decoder that ranks, its prompt.</summary>
    public GgufWriter Write() => Tokens(ArchitectureSamples.Of(_model).Write());

    public static Tokenizer Tokenizer() => Tokenizers.TokenizerSamples.Load(Tokens(new GgufWriter()));

    /// <summary>"w3 w5".</summary>
    public static string TextOf(params int[] words) => string.Join(' ', words.Select(word => FormattableString.Invariant($"w{word}")));

    private static GgufWriter Tokens(GgufWriter writer)
    {
        string[] special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
        var tokens = special.Concat(Enumerable.Range(0, Words).Select(word => FormattableString.Invariant($"\u2581w{word}"))).ToList();
        List<int> types = [(int)TokenType.Control, (int)TokenType.Unknown, (int)TokenType.Control, (int)TokenType.Control, (int)TokenType.Control];
        types.AddRange(Enumerable.Repeat((int)TokenType.Normal, Words));
        return writer
            .Add("tokenizer.ggml.model", "bert")
            .Add("tokenizer.ggml.tokens", tokens)
            .Add("tokenizer.ggml.token_type", types)
            .Add("tokenizer.ggml.cls_token_id", (uint)Begin)
            .Add("tokenizer.ggml.seperator_token_id", (uint)Closing)
            .Add("tokenizer.ggml.unknown_token_id", 1u)
            .Add("tokenizer.chat_template.rerank", "[MASK] w1 {query} w2 {document}[MASK]");
    }

    private static JsonElement Load()
    {
        using var stream = typeof(EmbeddingSamples).Assembly.GetManifestResourceStream("embeddings-golden.json")!;
        return JsonSerializer.Deserialize<JsonElement>(stream);
    }
}
