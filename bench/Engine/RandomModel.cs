using System.Buffers.Binary;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Bench.Engine;

/// <summary>A llama file of given size with random weights: speeds are those of a trained model, the text is noise.</summary>
/// <param name="Format">One of <see cref="RandomWeights.Formats"/>.</param>
internal sealed record RandomModel(string Size, string Format, int Layers, int Width, int Heads, int KvHeads, int Ffn, int Vocabulary, int Context)
{
    public string Name => $"{Size}-{Format}";

    /// <summary>The common 1.1-billion-parameter shape.</summary>
    public static RandomModel OnePointOne(string format) => new("1.1b", format, 22, 2048, 32, 4, 5632, 32000, 2048);

    /// <summary>Half a billion parameters, a quarter of them the output over a large vocabulary; its width is no multiple of 256, so no K formats.</summary>
    public static RandomModel HalfBillion(string format) => new("0.5b", format, 24, 896, 14, 2, 4864, 151_936, 2048);

    /// <summary>The shape that an option names.</summary>
    public static RandomModel Of(string shape, string format) => shape switch
    {
        "tiny" => Tiny(format),
        "0.5b" => HalfBillion(format),
        _ => OnePointOne(format),
    };

    /// <summary>Whole blocks of 256 columns, as the K formats need.</summary>
    public static RandomModel Tiny(string format) => new("tiny", format, 2, 256, 4, 2, 512, 512, 256);

    /// <summary>The file's path; made when it is not there.</summary>
    public string Make(string folder)
    {
        var path = Path.Combine(folder, $"{Name}.gguf");
        if (File.Exists(path))
        {
            return path;
        }

        _ = Directory.CreateDirectory(folder);
        var partial = path + ".partial";
        using (var stream = new FileStream(partial, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20))
        {
            Writer().Write(stream);
        }

        File.Move(partial, path, overwrite: true);
        return path;
    }

    private GgufWriter Writer()
    {
        var writer = new GgufWriter()
            .Add("general.architecture", "llama")
            .Add("general.name", $"random {Name}")
            .Add("llama.block_count", (uint)Layers)
            .Add("llama.embedding_length", (uint)Width)
            .Add("llama.feed_forward_length", (uint)Ffn)
            .Add("llama.attention.head_count", (uint)Heads)
            .Add("llama.attention.head_count_kv", (uint)KvHeads)
            .Add("llama.attention.layer_norm_rms_epsilon", 1e-5f)
            .Add("llama.rope.dimension_count", (uint)(Width / Heads))
            .Add("llama.context_length", (uint)Context)
            .Add("llama.vocab_size", (uint)Vocabulary)
            .Add("tokenizer.ggml.model", "none");
        var weights = new RandomWeights(writer, Format, Layers);
        var kv = KvHeads * (Width / Heads);
        weights.Matrix("token_embd.weight", Vocabulary, Width);
        weights.Matrix("output.weight", Vocabulary, Width);
        Norm(writer, "output_norm.weight");
        for (var layer = 0; layer < Layers; layer++)
        {
            Norm(writer, $"blk.{layer}.attn_norm.weight");
            Norm(writer, $"blk.{layer}.ffn_norm.weight");
            weights.Matrix($"blk.{layer}.attn_q.weight", Width, Width);
            weights.Matrix($"blk.{layer}.attn_k.weight", kv, Width);
            weights.Matrix($"blk.{layer}.attn_v.weight", kv, Width, layer);
            weights.Matrix($"blk.{layer}.attn_output.weight", Width, Width);
            weights.Matrix($"blk.{layer}.ffn_gate.weight", Ffn, Width);
            weights.Matrix($"blk.{layer}.ffn_up.weight", Ffn, Width);
            weights.Matrix($"blk.{layer}.ffn_down.weight", Width, Ffn, layer);
        }

        return writer;
    }

    private void Norm(GgufWriter writer, string name)
    {
        var bytes = new byte[Width * sizeof(float)];
        for (var i = 0; i < Width; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), 1);
        }

        _ = writer.AddTensor(name, GgufTensorType.F32, [Width], bytes);
    }
}
