using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// <c>mistral3</c> (Ministral 3): llama's graph with YaRN. Its queries grow past the original context (<c>attention.temperature_scale</c>, by the logarithm of
/// the position's multiple of it), which is not computed: such a file serves its original context, where the growth is exactly 1.
/// </summary>
internal static class Mistral3
{
    public const string Architecture = "mistral3";

    public static ModelGraph Read(GgufFile file)
    {
        var reader = new ShapeReader(file, Architecture);
        var shape = Llama.Shape(reader);
        if (reader.Positive("attention.temperature_scale", 0) > 0)
        {
            shape = shape with { Context = Math.Min(shape.Context, reader.Count("rope.scaling.original_context_length", 1, int.MaxValue)) };
        }

        return Llama.Graph(file, shape);
    }
}
