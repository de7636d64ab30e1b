using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// <c>qwen2moe</c> (Qwen1.5-MoE, Qwen2-57B-A14B; https://arxiv.org/abs/2407.10671, section 2.2.2): experts with the router's softmax as it is, and a shared expert
/// behind a sigmoid of its own.
/// </summary>
internal static class Qwen2Moe
{
    public const string Architecture = "qwen2moe";

    public static ModelGraph Read(GgufFile file)
    {
        var reader = new ShapeReader(file, Architecture);
        var shape = reader.WithExperts(Qwen2.Shape(reader), ExpertGating.SoftmaxThenTop);
        shape = shape with { SharedExpertFfn = reader.SharedFfn() is > 0 and var ffn ? ffn : reader.Ffn() };
        var tensors = new TensorReader(file, shape);
        tensors.Skip(RopeReader.TensorNames);
        Blocks.Ends(tensors);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            Blocks.Norm(tensors, WeightSlot.AttentionNorm, layer, "attn_norm");
            Blocks.Attention(tensors, layer);
            Blocks.Norm(tensors, WeightSlot.FfnNorm, layer, "ffn_norm");
            Blocks.Experts(tensors, layer);
            Blocks.SharedExpert(tensors, layer);
            tensors.Matrix(WeightSlot.SharedRouter, layer, $"blk.{layer}.ffn_gate_inp_shexp.weight", 1, shape.Width);
        }

        return tensors.Finish();
    }
}
