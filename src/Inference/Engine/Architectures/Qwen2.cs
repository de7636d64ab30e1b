using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary><c>qwen2</c> (https://arxiv.org/abs/2407.10671): biases of query, key and value.</summary>
internal static class Qwen2
{
    public const string Architecture = "qwen2";

    public static ModelGraph Read(GgufFile file)
    {
        var reader = new ShapeReader(file, Architecture);
        var shape = Shape(reader) with { Ffn = reader.Ffn() };
        var tensors = new TensorReader(file, shape);
        tensors.Skip(RopeReader.TensorNames);
        Blocks.Ends(tensors);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            Blocks.Norm(tensors, WeightSlot.AttentionNorm, layer, "attn_norm");
            Blocks.Attention(tensors, layer);
            Blocks.Norm(tensors, WeightSlot.FfnNorm, layer, "ffn_norm");
            Blocks.FeedForward(tensors, layer);
        }

        return tensors.Finish();
    }

    /// <summary>What all of the family share: halves of a head rotate together.</summary>
    public static ModelShape Shape(ShapeReader reader)
    {
        var shape = reader.Read();
        return shape with { RopeStyle = RopeStyle.Halves, Ropes = [new RopeReader(reader, shape.HeadDim, shape.Context).Read()] };
    }
}
