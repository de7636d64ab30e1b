using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>Every architecture that is computed, by the name that files give it. One file an architecture.</summary>
public static class ArchitectureReaders
{
    private static readonly Dictionary<string, Func<GgufFile, ModelGraph>> ByName = new(StringComparer.Ordinal)
    {
        [Llama.Architecture] = Llama.Read,
        [Mistral3.Architecture] = Mistral3.Read,
        [Qwen2.Architecture] = Qwen2.Read,
        [Qwen2Moe.Architecture] = Qwen2Moe.Read,
        [Qwen3.Architecture] = Qwen3.Read,
        [Qwen3Moe.Architecture] = Qwen3Moe.Read,
        [Gemma2.Architecture] = Gemma2.Read,
        [Gemma3.Architecture] = Gemma3.Read,
        [Phi3.Architecture] = Phi3.Read,
        [GptOss.Architecture] = GptOss.Read,
        [Granite.Architecture] = Granite.Read,
        [Granite.ArchitectureOfExperts] = Granite.ReadExperts,
        [Bert.Architecture] = Bert.Read,
        [NomicBert.Architecture] = NomicBert.Read,
    };

    /// <summary>Names of all, sorted.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. ByName.Keys.Order(StringComparer.Ordinal)];

    /// <exception cref="GgufException">The architecture is unknown (the message lists those known), or a key or tensor is missing, wrong or not computed.</exception>
    public static ModelGraph Read(GgufFile file)
    {
        const string Key = "general.architecture";
        const string TypeKey = "general.type";
        if (file.Metadata.OptionalString(TypeKey) == "adapter")
        {
            throw file.Metadata.Error(TypeKey, "is \"adapter\": the file adapts a model and is none; name it under engine.adapters, as MODEL:ADAPTER.");
        }

        var name = file.Metadata.RequireString(Key);
        return ByName.TryGetValue(name, out var read)
            ? Pooled(file, name, read(file))
            : throw file.Metadata.Error(Key, $"is \"{name}\"; computed are {string.Join(", ", Names)}.");
    }

    /// <summary>Any decoder's file may say how its texts are embedded.</summary>
    private static ModelGraph Pooled(GgufFile file, string name, ModelGraph graph) =>
        graph.Shape.IsCausal ? graph with { Shape = graph.Shape with { Pooling = new ShapeReader(file, name).Pooling(Pooling.None) } } : graph;
}
