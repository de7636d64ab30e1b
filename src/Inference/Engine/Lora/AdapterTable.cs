using System.Text;

namespace Jesus.Inference.Engine.Lora;

/// <summary>An adapter that requests may name.</summary>
/// <param name="Name">What requests call it: <c>base:adapter</c>.</param>
/// <param name="Base">The model that it adapts.</param>
/// <param name="Path">Where its file lies.</param>
public sealed record AdapterFile(string Name, string Base, ModelPath Path)
{
    internal byte[] NameUtf8 { get; } = Encoding.UTF8.GetBytes(Name);
    internal byte[] BaseUtf8 { get; } = Encoding.UTF8.GetBytes(Base);
}

/// <summary>The adapters of all models, by name. Immutable; looking a name up allocates nothing.</summary>
public sealed class AdapterTable
{
    private readonly AdapterFile[] _files;

    /// <param name="paths">By <c>base:adapter</c>.</param>
    /// <exception cref="ArgumentException">A name is not of that form: <see cref="TrySplit"/> tells before.</exception>
    public AdapterTable(IReadOnlyDictionary<string, ModelPath> paths) => _files = [.. paths.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(File)];

    public IReadOnlyList<AdapterFile> Files => _files;

    /// <summary>Whether a file is one of the adapters, so that it is no model.</summary>
    public bool HasFile(string path) => Array.Exists(_files, file => Path.GetFullPath(file.Path.Path) == Path.GetFullPath(path));

    public AdapterFile? Find(ReadOnlySpan<byte> name)
    {
        foreach (var file in _files)
        {
            if (name.SequenceEqual(file.NameUtf8))
            {
                return file;
            }
        }

        return null;
    }

    public AdapterFile? Find(string name) => Array.Find(_files, file => file.Name == name);

    /// <summary>The model that must be loaded for a name: an adapter's base, else the name itself.</summary>
    public string BaseOf(string name) => Find(name)?.Base ?? name;

    /// <summary>Parts <c>base:adapter</c> at its last colon, since names of models may have some.</summary>
    public static bool TrySplit(string name, out string model, out string adapter)
    {
        var at = name.LastIndexOf(':');
        (model, adapter) = at < 0 ? (name, "") : (name[..at], name[(at + 1)..]);
        return model.Length > 0 && adapter.Length > 0;
    }

    private static AdapterFile File(KeyValuePair<string, ModelPath> entry) => TrySplit(entry.Key, out var model, out _)
        ? new AdapterFile(entry.Key, model, entry.Value)
        : throw new ArgumentException($"\"{entry.Key}\" names no adapter; MODEL:ADAPTER does.", nameof(entry));
}
