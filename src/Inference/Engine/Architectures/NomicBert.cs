using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary><c>nomic-bert</c>, an encoder (https://arxiv.org/abs/2402.01613): bert with rotated halves instead of learned positions, and SwiGLU.</summary>
internal static class NomicBert
{
    public const string Architecture = "nomic-bert";

    public static ModelGraph Read(GgufFile file)
    {
        var reader = new ShapeReader(file, Architecture);
        var shape = Bert.Shape(reader);
        shape = shape with { RopeStyle = RopeStyle.Halves, Ropes = [new RopeReader(reader, shape.HeadDim, shape.Context).Read()] };
        var tensors = new TensorReader(file, shape);
        tensors.Skip(RopeReader.TensorNames);
        Bert.Embeddings(tensors);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            Blocks.Attention(tensors, layer);
            Blocks.FeedForward(tensors, layer);
            Bert.Norms(tensors, layer);
        }

        return tensors.Finish();
    }
}
