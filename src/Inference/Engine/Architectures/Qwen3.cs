using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary><c>qwen3</c> (https://arxiv.org/abs/2505.09388): norms over each head of queries and keys, no biases.</summary>
internal static class Qwen3
{
    public const string Architecture = "qwen3";

    public static ModelGraph Read(GgufFile file)
    {
        var reader = new ShapeReader(file, Architecture);
        var shape = Qwen2.Shape(reader) with { Ffn = reader.Ffn() };
        var tensors = new TensorReader(file, shape);
        tensors.Skip(RopeReader.TensorNames);
        Blocks.Ends(tensors);
        tensors.RankHead();
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            Attention(tensors, layer);
            Blocks.FeedForward(tensors, layer);
        }

        return tensors.Finish();
    }

    /// <summary>All of a block but its network.</summary>
    public static void Attention(TensorReader tensors, int layer)
    {
        Blocks.Norm(tensors, WeightSlot.AttentionNorm, layer, "attn_norm");
        Blocks.Attention(tensors, layer);
        Blocks.HeadNorms(tensors, layer);
        Blocks.Norm(tensors, WeightSlot.FfnNorm, layer, "ffn_norm");
    }
}
