using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// <c>gemma2</c> (https://arxiv.org/abs/2408.00118): embeddings times sqrt(width), norms before and after attention and network, GeGLU, soft caps, and a window in
/// every other layer, the first included. Files hold norm weights with the 1 already added.
/// </summary>
internal static class Gemma2
{
    public const string Architecture = "gemma2";

    /// <summary>The 27B scales scores by its width per head instead of the head's dimensions, which files do not state.</summary>
    private const int LayersOf27B = 46;

    private const int WindowDefault = 4_096;

    public static ModelGraph Read(GgufFile file)
    {
        var reader = new ShapeReader(file, Architecture);
        var shape = Shape(reader, LayersOf27B) with
        {
            AttentionSoftCap = reader.Positive("attn_logit_softcapping", 50),
            LogitSoftCap = reader.Positive("final_logit_softcapping", 30),
        };
        var window = reader.Window() is > 0 and var stated ? stated : WindowDefault;
        shape = shape with { LayerShapes = Blocks.Windows(reader.WindowLayers(shape.Layers, 2), window, windowRope: 0) };
        var tensors = new TensorReader(file, shape);
        tensors.Skip(RopeReader.TensorNames);
        Blocks.Ends(tensors);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            Block(tensors, layer);
        }

        return tensors.Finish();
    }

    /// <summary>What gemma2 and gemma3 share.</summary>
    public static ModelShape Shape(ShapeReader reader, int layersOf27B)
    {
        var shape = reader.Read();
        return shape with
        {
            Ffn = reader.Ffn(),
            Activation = Activation.GeGlu,
            RopeStyle = RopeStyle.Halves,
            Ropes = [new RopeReader(reader, shape.HeadDim, shape.Context).Read()],
            EmbeddingScale = MathF.Sqrt(shape.Width),
            AttentionScale = reader.Positive("attention.scale", shape.Layers == layersOf27B ? 1 / MathF.Sqrt((float)shape.Width / shape.Heads) : 0),
        };
    }

    public static void Block(TensorReader tensors, int layer)
    {
        Blocks.Norm(tensors, WeightSlot.AttentionNorm, layer, "attn_norm");
        Blocks.Attention(tensors, layer);
        Blocks.Norm(tensors, WeightSlot.PostAttentionNorm, layer, "post_attention_norm");
        Blocks.Norm(tensors, WeightSlot.FfnNorm, layer, "ffn_norm");
        Blocks.FeedForward(tensors, layer);
        Blocks.Norm(tensors, WeightSlot.PostFfnNorm, layer, "post_ffw_norm");
    }
}
