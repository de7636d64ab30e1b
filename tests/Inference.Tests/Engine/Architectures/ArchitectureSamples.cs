using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Tests.Engine.Backends;

namespace Jesus.Inference.Tests.Engine.Architectures;

/// <summary>One tensor of a model of golden.json: its values are uniform within <c>Scale</c> of <c>Centre</c>, by its name.</summary>
internal sealed record SampleTensor(string Name, long[] Dimensions, double Centre, double Scale)
{
    /// <summary>Whether files keep it as F32 however the rest is quantised.</summary>
    public bool IsAlwaysF32 => Dimensions.Length == 1 || Name.EndsWith(".bias", StringComparison.Ordinal) || Name.Contains("ffn_gate_inp", StringComparison.Ordinal);

    /// <summary>The tensor of a model whose widths are larger by a factor; vocabulary, experts, heads and positions stay.</summary>
    public SampleTensor Widen(uint factor)
    {
        var isTable = Name.StartsWith("token_", StringComparison.Ordinal) || Name is "output.weight" or "position_embd.weight"
            || Name.Contains("gate_inp", StringComparison.Ordinal);
        var widened = Name.Contains("sinks", StringComparison.Ordinal) || Name.EndsWith("gate_inp.bias", StringComparison.Ordinal) ? 0
            : isTable || Name.EndsWith("_exps.bias", StringComparison.Ordinal) ? 1 : 2;
        return this with { Dimensions = [.. Dimensions.Select((size, i) => i < widened ? size * factor : size)] };
    }

    public int Count => (int)Dimensions.Aggregate(1L, (a, b) => a * b);

    /// <summary>The same numbers as make-golden.py: splitmix64 from the FNV-1a of "model/tensor".</summary>
    public float[] Values(string model)
    {
        var seed = 0xcbf29ce484222325;
        foreach (var value in Encoding.UTF8.GetBytes($"{model}/{Name}"))
        {
            seed = (seed ^ value) * 0x100000001b3;
        }

        var values = new float[Count];
        for (var i = 0; i < values.Length; i++)
        {
            var z = seed + ((ulong)i + 1) * 0x9e3779b97f4a7c15;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            values[i] = (float)(Centre + (((z ^ (z >> 31)) >> 40) / 8388608.0 - 1.0) * Scale);
        }

        return values;
    }
}

/// <summary>The models of golden.json (make-golden.py beside it), written as files.</summary>
internal sealed class ArchitectureSamples
{
    /// <summary>The narrowest network has 32 columns.</summary>
    private const uint Widening = 8;

    /// <summary>Keys that count dimensions, by their ends.</summary>
    private static readonly string[] Widths = ["embedding_length", "feed_forward_length", "key_length", "value_length", "rope.dimension_count"];

    private readonly JsonElement _model;

    private ArchitectureSamples(JsonElement model)
    {
        _model = model;
        Tensors = [.. model.GetProperty("tensors").EnumerateArray().Select(Tensor)];
        Golden = model.TryGetProperty("golden", out var golden) ? Rows(golden.GetBytesFromBase64()) : [];
    }

    private static readonly JsonElement All = Load();

    public static IReadOnlyList<string> Names { get; } = [.. All.GetProperty("models").EnumerateArray().Select(model => model.GetProperty("name").GetString()!)];
    public static int[] Tokens { get; } = Ints("tokens");

    /// <summary>Positions whose logits are known.</summary>
    public static int[] Positions { get; } = Ints("rows");

    public string Name => _model.GetProperty("name").GetString()!;
    public IReadOnlyList<SampleTensor> Tensors { get; }

    /// <summary>Logits (hidden states of encoders) of <see cref="Positions"/>.</summary>
    public float[][] Golden { get; }

    /// <summary>A model written in the same form elsewhere.</summary>
    public static ArchitectureSamples Of(JsonElement model) => new(model);

    public static ArchitectureSamples Of(string name) => new(All.GetProperty("models").EnumerateArray().Single(model => model.GetProperty("name").GetString() == name));

    public GgufFile Open(GgufTensorType type = GgufTensorType.F32) => LlamaSamples.Open(Write(type));

    /// <summary>The model with other values in its tensors, as F32.</summary>
    public GgufFile Open(Func<SampleTensor, float[]> values) =>
        LlamaSamples.Open(Write((tensor, _) => LlamaSamples.Encode(values(tensor), GgufTensorType.F32), GgufTensorType.F32, null));

    /// <summary>The file with zeros for weights, where only names and shapes matter; without one tensor if asked.</summary>
    public GgufWriter WriteBlank(string? without = null) =>
        Write((tensor, _) => tensor.Name.StartsWith("rope_", StringComparison.Ordinal)
            ? LlamaSamples.Encode(tensor.Values(Name), GgufTensorType.F32)
            : new byte[tensor.Count * sizeof(float)], GgufTensorType.F32, without);

    /// <summary>The file, matrices in the given type.</summary>
    public GgufWriter Write(GgufTensorType type = GgufTensorType.F32) => Write((tensor, chosen) => LlamaSamples.Encode(tensor.Values(Name), chosen), type, null);

    /// <summary>The model with its matrices in random blocks of a format; made 8 times as wide for formats whose blocks hold 256 values.</summary>
    public GgufFile OpenQuantised(GgufTensorType type)
    {
        var factor = GgufBlock.Of(type).Elements > 32 ? Widening : 1;
        return LlamaSamples.Open(Write(Data, type, null, factor));

        byte[] Data(SampleTensor tensor, GgufTensorType chosen) => chosen == type
            ? RandomBlocks.Make(type, tensor.Count, 0.87 / Math.Sqrt(tensor.Dimensions[0]), tensor.Name.Length * 31 + tensor.Name[^8])
            : LlamaSamples.Encode(tensor.Values(Name), chosen);
    }

    private GgufWriter Write(Func<SampleTensor, GgufTensorType, byte[]> data, GgufTensorType type, string? without, uint factor = 1)
    {
        var writer = new GgufWriter();
        foreach (var entry in _model.GetProperty("metadata").EnumerateArray())
        {
            Add(writer, entry[0].GetString()!, entry[1].GetString()!, entry[2], factor);
        }

        foreach (var tensor in Tensors.Where(tensor => tensor.Name != without).Select(tensor => tensor.Widen(factor)))
        {
            var chosen = tensor.IsAlwaysF32 ? GgufTensorType.F32 : type;
            _ = writer.AddTensor(tensor.Name, chosen, tensor.Dimensions, data(tensor, chosen));
        }

        return writer;
    }

    private static void Add(GgufWriter writer, string key, string kind, JsonElement value, uint factor) => _ = kind switch
    {
        "string" => writer.Add(key, value.GetString()!),
        "uint" => writer.Add(key, value.GetUInt32() * (Widths.Any(key.EndsWith) ? factor : 1)),
        "float" => writer.Add(key, (float)value.GetDouble()),
        _ => writer.Add(key, value.GetBoolean()),
    };

    private static SampleTensor Tensor(JsonElement tensor) =>
        new(tensor[0].GetString()!, [.. tensor[1].EnumerateArray().Select(size => size.GetInt64())], tensor[2].GetDouble(), tensor[3].GetDouble());

    private static float[][] Rows(byte[] bytes)
    {
        var all = MemoryMarshal.Cast<byte, float>(bytes).ToArray();
        return [.. all.Chunk(all.Length / Positions.Length)];
    }

    private static int[] Ints(string name) => [.. All.GetProperty(name).EnumerateArray().Select(value => value.GetInt32())];

    private static JsonElement Load()
    {
        using var stream = typeof(ArchitectureSamples).Assembly.GetManifestResourceStream("architectures-golden.json")!;
        return JsonSerializer.Deserialize<JsonElement>(stream);
    }
}
