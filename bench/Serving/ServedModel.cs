using System.Buffers.Binary;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Bench.Serving;

/// <summary>
/// A llama file that servers can serve: random Q8_0 weights, a vocabulary whose first 256 tokens are the bytes (a prompt of N letters is N tokens) and whose other tokens
/// are words, and the plainest chat template.
/// </summary>
internal sealed record ServedModel(string Name, int Layers, int Width, int Heads, int KvHeads, int Ffn, int Vocabulary)
{
    public static readonly ServedModel OnePointOne = new("serving-1.1b-q8_0", 22, 2048, 32, 4, 5632, 32000);
    public static readonly ServedModel Tiny = new("serving-tiny-q8_0", 2, 128, 4, 2, 256, 512);

    private const int Context = 4096;
    private const int NoiseBlocks = 32 * 1024;
    private const int BlockBytes = 34;
    private const int NormalToken = 1;
    private const int ControlToken = 3;

    /// <summary>The file's path; made when it is not there.</summary>
    public string Make(string folder)
    {
        folder = Path.Combine(Path.GetFullPath(folder), "serving");
        var path = Path.Combine(folder, Name + ".gguf");
        if (!File.Exists(path))
        {
            _ = Directory.CreateDirectory(folder);
            using (var stream = new FileStream(path + ".partial", FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20))
            {
                Writer().Write(stream);
            }

            File.Move(path + ".partial", path, overwrite: true);
        }

        return path;
    }

    private GgufWriter Writer()
    {
        var tokens = Enumerable.Range(0, 256).Select(value => CharOf((byte)value).ToString())
            .Append("!!").Concat(Enumerable.Range(257, Vocabulary - 258).Select(i => FormattableString.Invariant($"word{i}"))).Append("<|end|>").ToList();
        var types = Enumerable.Repeat(NormalToken, Vocabulary - 1).Append(ControlToken).ToList();
        var writer = new GgufWriter()
            .Add("general.architecture", "llama")
            .Add("general.name", Name)
            .Add("general.file_type", 7u)
            .Add("llama.block_count", (uint)Layers)
            .Add("llama.embedding_length", (uint)Width)
            .Add("llama.feed_forward_length", (uint)Ffn)
            .Add("llama.attention.head_count", (uint)Heads)
            .Add("llama.attention.head_count_kv", (uint)KvHeads)
            .Add("llama.attention.layer_norm_rms_epsilon", 1e-5f)
            .Add("llama.context_length", (uint)Context)
            .Add("tokenizer.ggml.model", "gpt2")
            .Add("tokenizer.ggml.pre", "gpt-2")
            .Add("tokenizer.ggml.tokens", tokens)
            .Add("tokenizer.ggml.token_type", types)
            .Add("tokenizer.ggml.merges", ["! !"])
            .Add("tokenizer.ggml.eos_token_id", (uint)Vocabulary - 1)
            .Add("tokenizer.chat_template", "{% for message in messages %}{{ message.content }}{% endfor %}");
        AddWeights(writer);
        return writer;
    }

    private void AddWeights(GgufWriter writer)
    {
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
    }

    /// <summary>Each matrix begins elsewhere in the noise: equal rows would give equal logits.</summary>
    private static void Matrix(GgufWriter writer, byte[] noise, string name, int rows, int columns) =>
        _ = writer.AddTensor(name, GgufTensorType.Q8_0, [columns, rows], stream =>
        {
            var at = name.Sum(letter => letter) * 7919 % NoiseBlocks * BlockBytes;
            for (var left = (long)rows * columns / 32 * BlockBytes; left > 0; at = 0)
            {
                var length = (int)Math.Min(left, noise.Length - at);
                stream.Write(noise.AsSpan(at, length));
                left -= length;
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

    private static byte[] Noise()
    {
        var noise = new byte[NoiseBlocks * BlockBytes];
        new Random(1).NextBytes(noise);
        for (var at = 0; at < noise.Length; at += BlockBytes)
        {
            BinaryPrimitives.WriteHalfLittleEndian(noise.AsSpan(at), (Half)0.0003f);
        }

        return noise;
    }

    /// <summary>GPT-2's alphabet of bytes.</summary>
    private static char CharOf(byte value)
    {
        static bool IsPrintable(int c) => c is (>= '!' and <= '~') or (>= '¡' and <= '¬') or (>= '®' and <= 'ÿ');
        return IsPrintable(value) ? (char)value : (char)(256 + Enumerable.Range(0, value).Count(other => !IsPrintable(other)));
    }
}
