using System.Runtime.InteropServices;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Appliance.Tests.Host;

/// <summary>A bert file of a few kilobytes with random weights and the words "w0" to "w58", each one token.</summary>
internal static class TinyEncoder
{
    public const int Width = 32;
    public const int Context = 64;

    private const int Ffn = 64;
    private const int Vocabulary = 64;

    /// <param name="ranks">With a reranker's head in place of pooling.</param>
    public static byte[] File(bool ranks)
    {
        var writer = new GgufWriter()
            .Add("general.architecture", "bert")
            .Add("bert.block_count", 1u)
            .Add("bert.embedding_length", (uint)Width)
            .Add("bert.feed_forward_length", (uint)Ffn)
            .Add("bert.attention.head_count", 2u)
            .Add("bert.attention.layer_norm_epsilon", 1e-5f)
            .Add("bert.attention.causal", false)
            .Add("bert.context_length", (uint)Context)
            .Add("bert.pooling_type", ranks ? 4u : 1u)
            .Add("tokenizer.ggml.model", "bert")
            .Add("tokenizer.ggml.tokens", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", .. Enumerable.Range(0, Vocabulary - 5).Select(word => $"\u2581w{word}")])
            .Add("tokenizer.ggml.token_type", [3, 2, 3, 3, 3, .. Enumerable.Repeat(1, Vocabulary - 5)])
            .Add("tokenizer.ggml.cls_token_id", 2u)
            .Add("tokenizer.ggml.seperator_token_id", 3u)
            .Add("tokenizer.ggml.unknown_token_id", 1u);
        var random = new Random(1);
        foreach (var (name, dimensions) in Tensors(ranks))
        {
            var values = Enumerable.Range(0, (int)dimensions.Aggregate(1L, (a, b) => a * b)).Select(_ => (random.NextSingle() * 2) - 1).ToArray();
            _ = writer.AddTensor(name, GgufTensorType.F32, dimensions, MemoryMarshal.AsBytes<float>(values).ToArray());
        }

        return writer.ToArray();
    }

    private static IEnumerable<(string Name, long[] Dimensions)> Tensors(bool ranks)
    {
        yield return ("token_embd.weight", [Width, Vocabulary]);
        yield return ("token_types.weight", [Width, 2]);
        yield return ("position_embd.weight", [Width, Context]);
        foreach (var norm in new[] { "token_embd_norm", "blk.0.attn_output_norm", "blk.0.layer_output_norm" })
        {
            yield return (norm + ".weight", [Width]);
            yield return (norm + ".bias", [Width]);
        }

        foreach (var part in new[] { "attn_q", "attn_k", "attn_v", "attn_output" })
        {
            yield return ($"blk.0.{part}.weight", [Width, Width]);
        }

        yield return ("blk.0.ffn_up.weight", [Width, Ffn]);
        yield return ("blk.0.ffn_down.weight", [Ffn, Width]);
        if (ranks)
        {
            yield return ("cls.output.weight", [Width, 1]);
        }
    }
}
