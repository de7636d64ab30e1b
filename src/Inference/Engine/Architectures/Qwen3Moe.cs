using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary><c>qwen3moe</c> (https://arxiv.org/abs/2505.09388): qwen3 with experts, whose weights sum to 1; no shared expert.</summary>
internal static class Qwen3Moe
{
    public const string Architecture = "qwen3moe";

    public static ModelGraph Read(GgufFile file)
    {
        var reader = new ShapeReader(file, Architecture);
        var shape = reader.WithExperts(Qwen2.Shape(reader), ExpertGating.SoftmaxThenTopNormalised);
        var tensors = new TensorReader(file, shape);
        tensors.Skip(RopeReader.TensorNames);
        Blocks.Ends(tensors);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            Qwen3.Attention(tensors, layer);
            Blocks.Experts(tensors, layer);
        }

        return tensors.Finish();
    }
}
