using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// <c>gemma3</c>, its text part (https://arxiv.org/abs/2503.19786): gemma2 with norms over each head instead of soft caps, and five layers with a window to one that
/// sees all. Those with a window rotate by a base of their own, without the file's scaling.
/// </summary>
internal static class Gemma3
{
    public const string Architecture = "gemma3";

    private const int LayersOf27B = 62;

    public static ModelGraph Read(GgufFile file)
    {
        var reader = new ShapeReader(file, Architecture);
        var shape = Gemma2.Shape(reader, LayersOf27B) with { LogitSoftCap = reader.Positive("final_logit_softcapping", 0) };
        if (reader.Window() is > 0 and var window)
        {
            var local = new RopeReader(reader, shape.HeadDim, shape.Context).ReadUnscaled("rope.freq_base_swa", 10_000);
            shape = shape with { Ropes = [shape.Ropes[0], local], LayerShapes = Blocks.Windows(reader.WindowLayers(shape.Layers, 6), window, windowRope: 1) };
        }

        var tensors = new TensorReader(file, shape);
        tensors.Skip(RopeReader.TensorNames);
        Blocks.Ends(tensors);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            Gemma2.Block(tensors, layer);
            Blocks.HeadNorms(tensors, layer);
        }

        return tensors.Finish();
    }
}
