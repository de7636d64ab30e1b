using System.Buffers.Binary;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Bench.Engine;

/// <summary>A llama file of given size with random Q8_0 weights: speeds are those of a trained model, the text is noise.</summary>
internal sealed record RandomModel(string Name, int Layers, int Width, int Heads, int KvHeads, int Ffn, int Vocabulary, int Context)
{
    /// <summary>The common 1.1-billion-parameter shape.</summary>
    public static readonly RandomModel OnePointOne = new("1.1b-q8_0", 22, 2048, 32, 4, 5632, 32000, 2048);
    public static readonly RandomModel Tiny = new("tiny-q8_0", 2, 128, 4, 2, 256, 512, 256);

    /// <summary>Bytes of random blocks that are repeated through the file: noise made once, megabytes copied.</summary>
    private const int NoiseBlocks = 32 * 1024;
    private const int BlockBytes = 34;

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
            .Add("llama.context_length", (uint)Context);
        var noise = Noise();
        var kv = KvHeads * (Width / Heads);
        Matrix(writer, noise, "token_embd.weight", Vocabulary, Width);
        Matrix(writer, noise, "output.weight", Vocabulary, Width);
        Norm(writer, "output_norm.weight");
        for (var layer = 0; layer < Layers; layer++)
        {
            Norm(writer, $"blk.{layer}.attn_norm.weight");
            Norm(writer, $"blk.{layer}.ffn_norm.weight");
            Matrix(writer, noise, $"blk.{layer}.attn_q.weight", Width, Width);
            Matrix(writer, noise, $"blk.{layer}.attn_k.weight", kv, Width);
            Matrix(writer, noise, $"blk.{layer}.attn_v.weight", kv, Width);
            Matrix(writer, noise, $"blk.{layer}.attn_output.weight", Width, Width);
            Matrix(writer, noise, $"blk.{layer}.ffn_gate.weight", Ffn, Width);
            Matrix(writer, noise, $"blk.{layer}.ffn_up.weight", Ffn, Width);
            Matrix(writer, noise, $"blk.{layer}.ffn_down.weight", Width, Ffn);
        }

        return writer;
    }

    private static void Matrix(GgufWriter writer, byte[] noise, string name, int rows, int columns) =>
        _ = writer.AddTensor(name, GgufTensorType.Q8_0, [columns, rows], stream =>
        {
            for (var left = (long)rows * columns / 32 * BlockBytes; left > 0; left -= noise.Length)
            {
                stream.Write(noise.AsSpan(0, (int)Math.Min(left, noise.Length)));
            }
        });

    private void Norm(GgufWriter writer, string name)
    {
        var bytes = new byte[Width * sizeof(float)];
        for (var i = 0; i < Width; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), 1);
        }

        _ = writer.AddTensor(name, GgufTensorType.F32, [Width], bytes);
    }

    /// <summary>Blocks of 32 random quants (splitmix64) and a scale that keeps activations near their size.</summary>
    private static byte[] Noise()
    {
        var noise = new byte[NoiseBlocks * BlockBytes];
        ulong state = 1;
        for (var at = 0; at < noise.Length; at += BlockBytes)
        {
            BinaryPrimitives.WriteHalfLittleEndian(noise.AsSpan(at), (Half)0.0003f);
            for (var i = 2; i < BlockBytes; i += 8)
            {
                state += 0x9e3779b97f4a7c15;
                var z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
                BinaryPrimitives.WriteUInt64LittleEndian(noise.AsSpan(at + i), z ^ (z >> 31));
            }
        }

        return noise;
    }
}
