using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// <c>bert</c>, the encoder (https://arxiv.org/abs/1810.04805): learned positions and token types, every position sees all, LayerNorm after each half of a block,
/// GELU in its erf form. A reranker's head (<c>cls</c> tensors) stands beside the graph: see <see cref="Engine.Embeddings.RankHead"/>.
/// </summary>
internal static class Bert
{
    public const string Architecture = "bert";

    public static ModelGraph Read(GgufFile file)
    {
        var reader = new ShapeReader(file, Architecture);
        var shape = Shape(reader) with { Activation = Activation.Gelu };
        shape = shape with { LayerShapes = [.. Enumerable.Repeat(new LayerShape(0, -1), shape.Layers)] };
        var tensors = new TensorReader(file, shape);
        Embeddings(tensors);
        tensors.Matrix(WeightSlot.PositionEmbedding, 0, "position_embd.weight", shape.Context, shape.Width);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            Blocks.Attention(tensors, layer);
            Blocks.UpAndDown(tensors, layer);
            Norms(tensors, layer);
        }

        return tensors.Finish();
    }

    /// <summary>What both encoders share.</summary>
    public static ModelShape Shape(ShapeReader reader)
    {
        if (reader.Metadata.OptionalBool(reader.Key("attention.causal"), false))
        {
            throw reader.Error("attention.causal", "is true; this encoder is computed with every position seeing all.");
        }

        return reader.Read() with
        {
            Ffn = reader.Ffn(),
            Norm = NormKind.LayerNorm,
            IsCausal = false,
            TokenTypes = reader.TokenTypes(),
            Pooling = reader.Pooling(Pooling.Mean),
        };
    }

    public static void Embeddings(TensorReader tensors)
    {
        var shape = tensors.Shape;
        tensors.RankHead();
        tensors.Matrix(WeightSlot.TokenEmbedding, 0, "token_embd.weight", shape.Vocabulary, shape.Width);
        tensors.Vector(WeightSlot.EmbeddingNorm, 0, "token_embd_norm.weight", shape.Width);
        tensors.Vector(WeightSlot.EmbeddingNormBias, 0, "token_embd_norm.bias", shape.Width);
        if (shape.TokenTypes > 0)
        {
            tensors.Matrix(WeightSlot.TokenTypeEmbedding, 0, "token_types.weight", shape.TokenTypes, shape.Width);
        }
    }

    public static void Norms(TensorReader tensors, int layer)
    {
        Blocks.Norm(tensors, WeightSlot.AttentionSumNorm, WeightSlot.AttentionSumNormBias, layer, "attn_output_norm");
        Blocks.Norm(tensors, WeightSlot.FfnSumNorm, WeightSlot.FfnSumNormBias, layer, "layer_output_norm");
    }
}
