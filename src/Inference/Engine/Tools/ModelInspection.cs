using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Tools;

/// <summary>One metadata key as text: arrays by their length and type.</summary>
public sealed record InspectedKey(string Key, string Type, string Value);

/// <summary>One tensor: dimensions fastest running first, place and length in bytes.</summary>
public sealed record InspectedTensor(string Name, string Type, IReadOnlyList<long> Dimensions, long Offset, long Bytes);

/// <summary>What a model file says about itself.</summary>
/// <param name="Parameters">Elements of all tensors.</param>
/// <param name="TensorBytes">Bytes of all tensors.</param>
/// <param name="Uses">What it can be asked for; <see cref="ModelUses.None"/> where it cannot be run.</param>
/// <param name="Pooling">How its vectors are made of a text's positions: mean, cls or last; empty where it makes none.</param>
/// <param name="Problem">Why this build cannot run it; null when it can.</param>
public sealed record ModelInspection(
    string Path,
    long Bytes,
    int Version,
    string Architecture,
    string Name,
    long Parameters,
    long TensorBytes,
    int ContextTokens,
    int VocabularyCount,
    IReadOnlyList<InspectedKey> Metadata,
    IReadOnlyList<InspectedTensor> Tensors,
    ModelUses Uses,
    string Pooling,
    string? Problem)
{
    public static ModelInspection Of(GgufFile file)
    {
        var architecture = TextOf(file, "general.architecture");
        var problem = ProblemOf(file, out var profile);
        return new ModelInspection(
            Path: file.Name,
            Bytes: file.Length,
            Version: file.Version,
            Architecture: architecture,
            Name: TextOf(file, "general.name"),
            Parameters: file.Tensors.Sum(tensor => tensor.Elements),
            TensorBytes: file.Tensors.Sum(tensor => tensor.ByteLength),
            ContextTokens: file.Metadata.TryGet($"{architecture}.context_length", out var context) && context.TryGetInteger(out var tokens) ? (int)tokens : 0,
            VocabularyCount: file.Metadata.TryGet("tokenizer.ggml.tokens", out var vocabulary) ? vocabulary.Count : 0,
            Metadata: [.. file.Metadata.Keys.Select(key => KeyOf(key, file.Metadata[key]))],
            Tensors: [.. file.Tensors.Select(tensor => new InspectedTensor(tensor.Name, tensor.Type.ToString(), tensor.Dimensions, tensor.FileOffset, tensor.ByteLength))],
            Uses: profile?.Uses ?? ModelUses.None,
            Pooling: profile is not null && (profile.Uses & (ModelUses.Embed | ModelUses.Rerank)) != 0 ? profile.Pooling.ToString().ToLowerInvariant() : "",
            Problem: problem);
    }

    private static InspectedKey KeyOf(string key, GgufValue value) =>
        new(key, value.Type == GgufValueType.Array ? $"{value.ElementType}[]" : value.Type.ToString(), value.ToString());

    private static string TextOf(GgufFile file, string key) => file.Metadata.TryGet(key, out var value) ? value.ToString() : "";

    private static string? ProblemOf(GgufFile file, out EmbeddingProfile? profile)
    {
        profile = null;
        try
        {
            profile = EmbeddingProfile.Of(file, ArchitectureReaders.Read(file));
            _ = TokenizerLoader.Load(file.Metadata);
            return null;
        }
        catch (GgufException error)
        {
            return error.Message;
        }
    }
}
