using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// <c>phi3</c> (Phi 3 and Phi 4; https://arxiv.org/abs/2404.14219): query, key and value in one tensor, gate and up in another (the gate first), long and short factors
/// for the rotation, and a window in every layer where the file states one.
/// </summary>
internal static class Phi3
{
    public const string Architecture = "phi3";

    public static ModelGraph Read(GgufFile file)
    {
        var reader = new ShapeReader(file, Architecture);
        var shape = Qwen2.Shape(reader) with { Ffn = reader.Ffn() };
        shape = shape with { LayerShapes = Blocks.Windows(shape.Layers, reader.Window()) };
        var tensors = new TensorReader(file, shape);
        tensors.Skip(RopeReader.TensorNames);
        Blocks.Ends(tensors);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            Blocks.Norm(tensors, WeightSlot.AttentionNorm, layer, "attn_norm");
            Blocks.Attention(tensors, layer);
            Blocks.Norm(tensors, WeightSlot.FfnNorm, layer, "ffn_norm");
            tensors.Fused(layer, $"blk.{layer}.ffn_up.weight", shape.Width, (WeightSlot.Gate, shape.Ffn), (WeightSlot.Up, shape.Ffn));
            tensors.Matrix(WeightSlot.Down, layer, $"blk.{layer}.ffn_down.weight", shape.Width, shape.Ffn);
        }

        return tensors.Finish();
    }
}
