using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// <c>llama</c>: Llama 1 to 3.x (https://arxiv.org/abs/2407.21783), Mistral (https://arxiv.org/abs/2310.06825) and, with experts, Mixtral (https://arxiv.org/abs/2401.04088),
/// whose files bear the same name. Queries and keys are stored so that neighbouring dimensions rotate together.
/// </summary>
internal static class Llama
{
    public const string Architecture = "llama";

    public static ModelGraph Read(GgufFile file)
    {
        var reader = new ShapeReader(file, Architecture);
        return Graph(file, Shape(reader));
    }

    /// <summary>Also of those that differ in scales only (granite, mistral3).</summary>
    public static ModelShape Shape(ShapeReader reader)
    {
        var shape = reader.Read();
        shape = shape with
        {
            Ropes = [new RopeReader(reader, shape.HeadDim, shape.Context).Read()],
            LayerShapes = Blocks.Windows(shape.Layers, reader.Window()),
        };
        return reader.HasExperts
            ? reader.WithExperts(shape, ExpertGating.SoftmaxThenTopNormalised) with { SharedExpertFfn = reader.SharedFfn() }
            : shape with { Ffn = reader.Ffn() };
    }

    public static ModelGraph Graph(GgufFile file, ModelShape shape)
    {
        var tensors = new TensorReader(file, shape);
        tensors.Skip(RopeReader.TensorNames);
        Blocks.Ends(tensors);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            Blocks.Norm(tensors, WeightSlot.AttentionNorm, layer, "attn_norm");
            Blocks.Attention(tensors, layer);
            Blocks.Norm(tensors, WeightSlot.FfnNorm, layer, "ffn_norm");
            FeedForward(tensors, layer);
        }

        return tensors.Finish();
    }

    private static void FeedForward(TensorReader tensors, int layer)
    {
        if (tensors.Shape.Experts == 0)
        {
            Blocks.FeedForward(tensors, layer);
            return;
        }

        Blocks.Experts(tensors, layer);
        if (tensors.Shape.SharedExpertFfn > 0)
        {
            Blocks.SharedExpert(tensors, layer);
        }
    }
}
