using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>Every architecture that is computed, by the name that files give it. One file an architecture.</summary>
public static class ArchitectureReaders
{
    private static readonly Dictionary<string, Func<GgufFile, ModelGraph>> ByName = new(StringComparer.Ordinal)
    {
        [Llama.Architecture] = Llama.Read,
    };

    /// <exception cref="GgufException">The architecture is unknown (the message lists those known), or a key or tensor is missing, wrong or not computed.</exception>
    public static ModelGraph Read(GgufFile file)
    {
        const string Key = "general.architecture";
        var name = file.Metadata.RequireString(Key);
        return ByName.TryGetValue(name, out var read)
            ? read(file)
            : throw file.Metadata.Error(Key, $"is \"{name}\"; computed are {string.Join(", ", ByName.Keys.Order(StringComparer.Ordinal))}.");
    }
}
