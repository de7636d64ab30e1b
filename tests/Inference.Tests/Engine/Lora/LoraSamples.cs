using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Lora;
using Jesus.Inference.Tests.Engine.Backends;
using Jesus.Inference.Tests.Engine.Tokenizers;

namespace Jesus.Inference.Tests.Engine.Lora;

/// <summary>Random adapters of small random models, always the same ones for a seed.</summary>
internal static class LoraSamples
{
    public const int ServedVocabulary = 257;

    private static readonly string[] Adapted = ["attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output", "ffn_gate", "ffn_up", "ffn_down"];

    /// <summary>The base's tensors that an adapter of everything adapts.</summary>
    public static IEnumerable<GgufTensorInfo> Adaptable(GgufFile model) => model.Tensors.Where(tensor =>
        tensor.Dimensions.Count == 2 && (tensor.Name == "output.weight" || Adapted.Any(name => tensor.Name.EndsWith($".{name}.weight", StringComparison.Ordinal))));

    public static GgufWriter Metadata(string architecture = "llama", float alpha = 4) => new GgufWriter()
        .Add("general.type", "adapter")
        .Add("general.architecture", architecture)
        .Add("adapter.type", "lora")
        .Add("adapter.lora.alpha", alpha);

    /// <summary>An adapter beside everything, or the tensors chosen, at alpha / rank = 0.3.</summary>
    public static GgufWriter Write(GgufFile model, int rank, ulong seed, GgufTensorType type = GgufTensorType.F32, Func<string, bool>? only = null)
    {
        var writer = Metadata(model.Metadata.RequireString("general.architecture"), 0.3f * rank);
        foreach (var tensor in Adaptable(model).Where(tensor => only?.Invoke(tensor.Name) ?? true))
        {
            _ = writer.AddPair(tensor.Name, tensor.Columns, tensor.Rows, rank, seed, type);
            seed += 2;
        }

        return writer;
    }

    public static GgufWriter AddPair(this GgufWriter writer, string name, long columns, long rows, int rank, ulong seed = 1, GgufTensorType type = GgufTensorType.F32) => writer
        .AddTensor($"{name}.lora_a", type, [columns, rank], LlamaSamples.Encode(LlamaSamples.Values((int)columns * rank, 0, seed), type))
        .AddTensor($"{name}.lora_b", type, [rank, rows], LlamaSamples.Encode(LlamaSamples.Values((int)rows * rank, 0, seed + 1), type));

    public static GgufFile Open(GgufFile model, int rank, ulong seed, GgufTensorType type = GgufTensorType.F32, Func<string, bool>? only = null) =>
        LlamaSamples.Open(Write(model, rank, seed, type, only));

    /// <summary>The base's graph with adapters 1, 2, ... of these files.</summary>
    public static ModelGraph With(GgufFile model, params GgufFile[] adapters)
    {
        var graph = ArchitectureReaders.Read(model);
        return graph with { Adapters = [.. adapters.Select(file => LoraReader.Read(file, graph, "base"))] };
    }

    /// <summary>W + scale * up down, in doubles: what the adapter says about one tensor of the base.</summary>
    public static float[] Merge(GgufFile adapter, string name, float[] weights)
    {
        if (!adapter.TryGetTensor($"{name}.lora_a", out var down) || !adapter.TryGetTensor($"{name}.lora_b", out var up))
        {
            return weights;
        }

        var (a, b) = (Read(adapter, down), Read(adapter, up));
        var (rank, columns) = ((int)down.Rows, (int)down.Columns);
        var scale = (double)adapter.Metadata.RequireFloat("adapter.lora.alpha") / rank;
        var merged = new float[weights.Length];
        for (var i = 0; i < merged.Length; i++)
        {
            double sum = 0;
            for (var r = 0; r < rank; r++)
            {
                sum += (double)b[i / columns * rank + r] * a[r * columns + i % columns];
            }

            merged[i] = (float)(weights[i] + scale * sum);
        }

        return merged;
    }

    /// <summary>A model whose tokens are bytes and an end, which the engine can serve; its adapters, and itself with one merged in.</summary>
    public static GgufWriter Served(GgufFile? merged = null)
    {
        var writer = TokenizerSamples.Gpt2("gpt-2", [], ["<|im_end|>"]).Add("tokenizer.ggml.eos_token_id", 256u);
        var plain = LlamaSamples.AddTensors(LlamaSamples.Metadata(writer), GgufTensorType.F32, tied: false, seed: 5, vocabulary: ServedVocabulary);
        if (merged is null)
        {
            return plain;
        }

        using var file = LlamaSamples.Open(plain);
        writer = LlamaSamples.Metadata(TokenizerSamples.Gpt2("gpt-2", [], ["<|im_end|>"]).Add("tokenizer.ggml.eos_token_id", 256u));
        foreach (var tensor in file.Tensors)
        {
            _ = writer.AddTensor(tensor.Name, GgufTensorType.F32, [.. tensor.Dimensions], LlamaSamples.Encode(Merge(merged, tensor.Name, Read(file, tensor)), GgufTensorType.F32));
        }

        return writer;
    }

    private static float[] Read(GgufFile file, GgufTensorInfo tensor)
    {
        var bytes = new byte[tensor.ByteLength];
        file.ReadTensor(tensor, 0, bytes);
        var values = new float[tensor.Elements];
        Dequantize.Row(tensor.Type, bytes, values);
        return values;
    }
}
