using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Embeddings;

/// <summary>
/// What a model file is for, from its header alone. An encoder embeds, or reranks where it has a head; a decoder writes text and embeds by its last token unless its file
/// states another pooling.
/// </summary>
/// <param name="Uses">What it can be asked for.</param>
/// <param name="Pooling">How a text's vector is made: <see cref="Pooling.Mean"/>, <see cref="Pooling.Cls"/> (the first position) or <see cref="Pooling.Last"/>.</param>
/// <param name="Width">Numbers of a vector.</param>
/// <param name="WhyNoVectors">Why it embeds nothing, in words for the caller; empty when it does.</param>
public sealed record EmbeddingProfile(ModelUses Uses, Pooling Pooling, int Width, string WhyNoVectors)
{
    /// <exception cref="GgufException">A head that is no reranker's, or of a wrong shape.</exception>
    public static EmbeddingProfile Of(GgufFile file, ModelGraph model)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(model);
        var shape = model.Shape;
        if (RankHead.IsIn(file))
        {
            return new EmbeddingProfile(ModelUses.Rerank, PoolingOf(shape), shape.Width,
                "is a reranker: its head makes a score of a query and a document. Call /v1/rerank, or choose an embedding model.");
        }

        var stated = Stated(file.Metadata, shape);
        var generates = shape.IsCausal ? ModelUses.Generate : ModelUses.None;
        return WhyNot(stated, shape) is { Length: > 0 } why
            ? new EmbeddingProfile(generates, PoolingOf(shape), shape.Width, why)
            : new EmbeddingProfile(generates | ModelUses.Embed, PoolingOf(shape), shape.Width, "");
    }

    /// <summary>How the engine pools, where the shape's statement leaves it open or speaks of a head.</summary>
    public static Pooling PoolingOf(ModelShape shape) => shape.Pooling switch
    {
        Pooling.Mean or Pooling.Last => shape.Pooling,
        Pooling.Cls when !shape.IsCausal => Pooling.Cls,
        Pooling.Rank when !shape.IsCausal => Pooling.Cls,
        _ => shape.IsCausal ? Pooling.Last : Pooling.Mean,
    };

    /// <summary>For an encoder or a decoder that lacks something, what it was asked for and cannot do.</summary>
    internal ModelError Refuse(ModelOperation operation, string model) => operation switch
    {
        ModelOperation.Embed when !Uses.HasFlag(ModelUses.Embed) => new ModelError(ErrorCause.UnsupportedField, $"{model} {WhyNoVectors}", "model"),
        ModelOperation.Rerank when !Uses.HasFlag(ModelUses.Rerank) => new ModelError(ErrorCause.UnsupportedField,
            $"{model} has no ranking head (the tensor {RankHead.OutputName}): comparing two texts' vectors is no reranking. Choose a cross-encoder, or embed the texts.", "model"),
        ModelOperation.Generate when !Uses.HasFlag(ModelUses.Generate) => new ModelError(ErrorCause.UnsupportedField,
            $"{model} writes no text: it {(Uses.HasFlag(ModelUses.Rerank) ? "reranks (/v1/rerank)" : "makes embeddings (/v1/embeddings)")}. Choose a chat model.", "model"),
        _ => default,
    };

    private static Pooling? Stated(GgufMetadata metadata, ModelShape shape) =>
        metadata.Contains($"{shape.Architecture}.pooling_type") ? shape.Pooling : null;

    private static string WhyNot(Pooling? stated, ModelShape shape) => stated switch
    {
        Pooling.Rank => $"states that it ranks ({shape.Architecture}.pooling_type is 4), but lacks the tensor {RankHead.OutputName}: convert it again, with its head.",
        Pooling.None => $"states that its positions are not pooled ({shape.Architecture}.pooling_type is 0): it gives no vector of a text. Choose an embedding model.",
        Pooling.Cls when shape.IsCausal =>
            $"states that the first position speaks for a text ({shape.Architecture}.pooling_type is 2), but a decoder's first position sees nothing of it. "
                + "Choose an embedding model.",
        _ => "",
    };
}
