using System.Buffers.Binary;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Bench.Serving;

/// <summary>A bert file with random Q8_0 weights and a vocabulary of words, each one token: a text of N words is N + 2 tokens.</summary>
internal sealed record EmbeddedModel(string Name, int Layers, int Width, int Heads, int Ffn, int Vocabulary)
{
    /// <summary>The shape of the usual small and middle embedding models (22 and 109 million parameters).</summary>
    public static readonly EmbeddedModel Small = new("embedding-22m-q8_0", 6, 384, 12, 1536, 30522);
    public static readonly EmbeddedModel Middle = new("embedding-109m-q8_0", 12, 768, 12, 3072, 30522);
    public static readonly EmbeddedModel Tiny = new("embedding-tiny-q8_0", 2, 64, 4, 128, 512);

    private const int Context = 512;
    private const int Specials = 5;
    private const int BlockBytes = 34;

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

    /// <summary>A text of so many tokens, as no other number gives.</summary>
    public string TextOf(int number, int tokens)
    {
        var random = new Random(number);
        return string.Join(' ', Enumerable.Range(0, tokens - 2).Select(_ => FormattableString.Invariant($"w{random.Next(Vocabulary - Specials)}")));
    }

    private GgufWriter Writer()
    {
        var writer = new GgufWriter()
            .Add("general.architecture", "bert")
            .Add("general.name", Name)
            .Add("general.file_type", 7u)
            .Add("bert.block_count", (uint)Layers)
            .Add("bert.embedding_length", (uint)Width)
            .Add("bert.feed_forward_length", (uint)Ffn)
            .Add("bert.attention.head_count", (uint)Heads)
            .Add("bert.attention.layer_norm_epsilon", 1e-12f)
            .Add("bert.attention.causal", false)
            .Add("bert.context_length", Context)
            .Add("bert.pooling_type", 1u)
            .Add("tokenizer.ggml.token_type_count", 2u)
            .Add("tokenizer.ggml.model", "bert")
            .Add("tokenizer.ggml.tokens", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", .. Enumerable.Range(0, Vocabulary - Specials).Select(i => $"\u2581w{i}")])
            .Add("tokenizer.ggml.token_type", [3, 2, 3, 3, 3, .. Enumerable.Repeat(1, Vocabulary - Specials)])
            .Add("tokenizer.ggml.cls_token_id", 2u)
            .Add("tokenizer.ggml.bos_token_id", 2u)
            .Add("tokenizer.ggml.seperator_token_id", 3u)
            .Add("tokenizer.ggml.unknown_token_id", 1u);
        AddWeights(writer);
        return writer;
    }

    private void AddWeights(GgufWriter writer)
    {
        Matrix(writer, "token_embd.weight", Vocabulary, Width);
        Floats(writer, "token_types.weight", 0.01f, Width, 2);
        Floats(writer, "position_embd.weight", 0.01f, Width, Context);
        Norm(writer, "token_embd_norm");
        for (var layer = 0; layer < Layers; layer++)
        {
            foreach (var (name, rows, columns) in new[]
            {
                ("attn_q", Width, Width), ("attn_k", Width, Width), ("attn_v", Width, Width), ("attn_output", Width, Width), ("ffn_up", Ffn, Width), ("ffn_down", Width, Ffn),
            })
            {
                Matrix(writer, $"blk.{layer}.{name}.weight", rows, columns);
                Floats(writer, $"blk.{layer}.{name}.bias", 0.01f, rows);
            }

            Norm(writer, $"blk.{layer}.attn_output_norm");
            Norm(writer, $"blk.{layer}.layer_output_norm");
        }
    }

    private void Norm(GgufWriter writer, string name)
    {
        Floats(writer, name + ".weight", 1, Width);
        Floats(writer, name + ".bias", 0, Width);
    }

    private static void Floats(GgufWriter writer, string name, float value, params long[] dimensions)
    {
        var bytes = new byte[dimensions.Aggregate(1L, (a, b) => a * b) * sizeof(float)];
        for (var at = 0; at < bytes.Length; at += sizeof(float))
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(at), value);
        }

        _ = writer.AddTensor(name, GgufTensorType.F32, dimensions, bytes);
    }

    private static void Matrix(GgufWriter writer, string name, int rows, int columns)
    {
        var random = new Random(name.Sum(letter => letter));
        var bytes = new byte[(long)rows * columns / 32 * BlockBytes];
        random.NextBytes(bytes);
        for (var at = 0; at < bytes.Length; at += BlockBytes)
        {
            BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(at), (Half)0.0005f);
        }

        _ = writer.AddTensor(name, GgufTensorType.Q8_0, [columns, rows], bytes);
    }
}
