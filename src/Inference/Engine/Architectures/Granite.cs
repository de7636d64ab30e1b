using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// <c>granite</c> and, with experts, <c>granitemoe</c> (https://huggingface.co/ibm-granite): llama's graph with four scales: of embeddings, of attention's scores, of
/// what each block adds, and a divisor of the logits.
/// </summary>
internal static class Granite
{
    public const string Architecture = "granite";
    public const string ArchitectureOfExperts = "granitemoe";

    public static ModelGraph Read(GgufFile file) => Read(file, Architecture);

    public static ModelGraph ReadExperts(GgufFile file) => Read(file, ArchitectureOfExperts);

    private static ModelGraph Read(GgufFile file, string architecture)
    {
        var reader = new ShapeReader(file, architecture);
        var shape = Llama.Shape(reader);
        return Llama.Graph(file, shape with
        {
            AttentionScale = reader.Positive("attention.scale", 0),
            EmbeddingScale = OneIfZero(reader.Positive("embedding_scale", 0)),
            ResidualScale = OneIfZero(reader.Positive("residual_scale", 0)),
            LogitScale = 1 / Divisor(reader),
            // Files of models without positions say so by a key of another name's meaning.
            LayerShapes = file.Metadata.OptionalBool(reader.Key("rope.scaling.finetuned"), true)
                ? shape.LayerShapes
                : [.. Enumerable.Repeat(new LayerShape(0, -1), shape.Layers)],
        });
    }

    private static float Divisor(ShapeReader reader)
    {
        var divisor = reader.Metadata.RequireFloat(reader.Key("logit_scale"));
        return divisor > 0 && float.IsFinite(1 / divisor) ? divisor : throw reader.Error("logit_scale", $"is {divisor}; a positive number is needed.");
    }

    /// <summary>A scale that is not stated, or stated as 0, is none.</summary>
    private static float OneIfZero(float scale) => scale == 0 ? 1 : scale;
}
