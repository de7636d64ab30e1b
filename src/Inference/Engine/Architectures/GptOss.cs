using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// <c>gpt-oss</c> (https://arxiv.org/abs/2508.10925): experts with biases in every layer, a SwiGLU with limits, sinks in the softmax, a window in every other layer, the
/// first included. YaRN's ramp is the one of OpenAI's published code, which does not round its ends to whole pairs.
/// </summary>
internal static class GptOss
{
    public const string Architecture = "gpt-oss";

    /// <summary>Of the published code; files do not state them.</summary>
    private const float Alpha = 1.702f;
    private const float Limit = 7;

    public static ModelGraph Read(GgufFile file)
    {
        var reader = new ShapeReader(file, Architecture);
        var shape = reader.WithExperts(reader.Read(), ExpertGating.TopThenSoftmax);
        shape = shape with
        {
            Activation = Activation.SwiGluLimited,
            ActivationAlpha = Alpha,
            ActivationLimit = Limit,
            RopeStyle = RopeStyle.Halves,
            Ropes = [new RopeReader(reader, shape.HeadDim, shape.Context).Read(truncateRamp: false)],
            LayerShapes = Blocks.Windows(reader.WindowLayers(shape.Layers, 2), reader.Count("attention.sliding_window", 1, int.MaxValue), windowRope: 0),
        };
        var tensors = new TensorReader(file, shape);
        tensors.Skip(RopeReader.TensorNames);
        Blocks.Ends(tensors);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            Blocks.Norm(tensors, WeightSlot.AttentionNorm, layer, "attn_norm");
            Blocks.Attention(tensors, layer);
            tensors.Vector(WeightSlot.Sinks, layer, $"blk.{layer}.attn_sinks.weight", shape.Heads);
            // Files name it so, but it stands before the network, not after attention.
            Blocks.Norm(tensors, WeightSlot.FfnNorm, layer, "post_attention_norm");
            Experts(tensors, layer);
        }

        return tensors.Finish();
    }

    private static void Experts(TensorReader tensors, int layer)
    {
        var shape = tensors.Shape;
        Blocks.Experts(tensors, layer);
        tensors.Vector(WeightSlot.RouterBias, layer, $"blk.{layer}.ffn_gate_inp.bias", shape.Experts);
        tensors.ExpertVectors(WeightSlot.ExpertGateBias, layer, "ffn_gate", shape.ExpertFfn);
        tensors.ExpertVectors(WeightSlot.ExpertUpBias, layer, "ffn_up", shape.ExpertFfn);
        tensors.ExpertVectors(WeightSlot.ExpertDownBias, layer, "ffn_down", shape.Width);
    }
}
