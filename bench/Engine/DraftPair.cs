using System.Buffers.Binary;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Bench.Engine;

/// <summary>
/// A model of the 1.1B shape in Q8_0 and a draft model for it, both of random weights. The draft model is the model's first layers; what the model's later layers add is made small, so
/// that the two mostly agree. How often they do is thus laid out, not learnt: what passes cost and what speculation makes of such an agreement is real.
/// </summary>
internal sealed record DraftPair(string Size, int Layers, int DraftLayers, int Width, int Heads, int KvHeads, int Ffn, int Vocabulary)
{
    private const int Context = 2048;
    private const int BlockBytes = 34;
    private const int BlockColumns = 32;

    /// <summary>A prime, so that rows of any width come round only after so many: equal rows would give equal logits.</summary>
    private const int NoiseBlocks = 32_003;

    /// <summary>Keeps activations near their size.</summary>
    private const float Usual = 0.02f / 70;

    /// <summary>Of the output: logits of a spread of about 6, so that a handful of tokens share the probability, as trained models have it.</summary>
    private const float Output = 6.5f * Usual;

    /// <summary>Of what leads out of the later layers.</summary>
    private const float Faint = 0.04f * Usual;

    private readonly Dictionary<float, byte[]> _noise = [];

    public static DraftPair OnePointOne { get; } = new("1.1b", 22, 2, 2048, 32, 4, 5632, 32_000);
    public static DraftPair Tiny { get; } = new("tiny", 4, 1, 64, 4, 2, 96, 512);

    /// <summary>Both files' paths; made where they are not there.</summary>
    public (string Model, string Draft) Make(string folder) => (Make(folder, $"pair-{Size}.gguf", Layers), Make(folder, $"pair-{Size}-draft.gguf", DraftLayers));

    private string Make(string folder, string name, int layers)
    {
        var path = Path.Combine(folder, name);
        if (!File.Exists(path))
        {
            _ = Directory.CreateDirectory(folder);
            using (var stream = new FileStream(path + ".partial", FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20))
            {
                Writer(name, layers).Write(stream);
            }

            File.Move(path + ".partial", path, overwrite: true);
        }

        return path;
    }

    /// <summary>No token ends an answer: all are as long as asked for.</summary>
    private GgufWriter Writer(string name, int layers)
    {
        var tokens = Enumerable.Range(0, 256).Select(value => CharOf((byte)value).ToString())
            .Append("!!").Concat(Enumerable.Range(257, Vocabulary - 257).Select(i => FormattableString.Invariant($"word{i}"))).ToList();
        var writer = new GgufWriter()
            .Add("general.architecture", "llama")
            .Add("general.name", name)
            .Add("llama.block_count", (uint)layers)
            .Add("llama.embedding_length", (uint)Width)
            .Add("llama.feed_forward_length", (uint)Ffn)
            .Add("llama.attention.head_count", (uint)Heads)
            .Add("llama.attention.head_count_kv", (uint)KvHeads)
            .Add("llama.attention.layer_norm_rms_epsilon", 1e-5f)
            .Add("llama.context_length", (uint)Context)
            .Add("tokenizer.ggml.model", "gpt2")
            .Add("tokenizer.ggml.pre", "gpt-2")
            .Add("tokenizer.ggml.tokens", tokens)
            .Add("tokenizer.ggml.token_type", Enumerable.Repeat(1, Vocabulary).ToList())
            .Add("tokenizer.ggml.merges", ["! !"])
            .Add("tokenizer.chat_template", "{% for message in messages %}{{ message.content }}{% endfor %}");
        var kv = KvHeads * (Width / Heads);
        Matrix(writer, "token_embd.weight", Vocabulary, Width, Usual);
        Matrix(writer, "output.weight", Vocabulary, Width, Output);
        Norm(writer, "output_norm.weight");
        for (var layer = 0; layer < layers; layer++)
        {
            var added = layer < DraftLayers ? Usual : Faint;
            Norm(writer, $"blk.{layer}.attn_norm.weight");
            Norm(writer, $"blk.{layer}.ffn_norm.weight");
            Matrix(writer, $"blk.{layer}.attn_q.weight", Width, Width, Usual);
            Matrix(writer, $"blk.{layer}.attn_k.weight", kv, Width, Usual);
            Matrix(writer, $"blk.{layer}.attn_v.weight", kv, Width, Usual);
            Matrix(writer, $"blk.{layer}.attn_output.weight", Width, Width, added);
            Matrix(writer, $"blk.{layer}.ffn_gate.weight", Ffn, Width, Usual);
            Matrix(writer, $"blk.{layer}.ffn_up.weight", Ffn, Width, Usual);
            Matrix(writer, $"blk.{layer}.ffn_down.weight", Width, Ffn, added);
        }

        return writer;
    }

    /// <summary>Each tensor begins elsewhere in the noise, the same in both files.</summary>
    private void Matrix(GgufWriter writer, string name, int rows, int columns, float scale)
    {
        var noise = _noise.TryGetValue(scale, out var known) ? known : _noise[scale] = Noise(scale);
        _ = writer.AddTensor(name, GgufTensorType.Q8_0, [columns, rows], stream =>
        {
            var at = name.Aggregate(17L, (sum, letter) => ((sum * 31) + letter) % NoiseBlocks) * BlockBytes;
            for (var left = (long)rows * columns / BlockColumns * BlockBytes; left > 0; at = 0)
            {
                var length = (int)Math.Min(left, noise.Length - at);
                stream.Write(noise.AsSpan((int)at, length));
                left -= length;
            }
        });
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

    /// <summary>Codes by splitmix64 under one scale.</summary>
    private static byte[] Noise(float scale)
    {
        var noise = new byte[NoiseBlocks * BlockBytes];
        var state = 1UL;
        for (var at = 0; at < noise.Length; at += BlockBytes)
        {
            BinaryPrimitives.WriteHalfLittleEndian(noise.AsSpan(at), (Half)scale);
            for (var i = 2; i < BlockBytes; i++)
            {
                state += 0x9e3779b97f4a7c15;
                var z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
                noise[at + i] = (byte)(z >> 56);
            }
        }

        return noise;
    }

    /// <summary>GPT-2's alphabet of bytes.</summary>
    private static char CharOf(byte value)
    {
        var printable = Enumerable.Range('!', '~' - '!' + 1).Concat(Enumerable.Range('¡', '¬' - '¡' + 1)).Concat(Enumerable.Range('®', 'ÿ' - '®' + 1)).ToList();
        return printable.Contains(value) ? (char)value : (char)(256 + Enumerable.Range(0, value).Count(other => !printable.Contains(other)));
    }
}
