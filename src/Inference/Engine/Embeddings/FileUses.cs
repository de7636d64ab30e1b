using System.Collections.Concurrent;
using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Embeddings;

/// <summary>What files are for, read from their headers once and again when a file changed. Any thread; holds one entry for each path asked for.</summary>
internal sealed class FileUses
{
    private readonly ConcurrentDictionary<string, (long Bytes, long WrittenAtTicks, ModelUses Uses)> _known = new(StringComparer.Ordinal);

    /// <summary><see cref="ModelUses.None"/> where the file cannot be read or run: loading it says why.</summary>
    public ModelUses Of(FileInfo info)
    {
        if (!info.Exists)
        {
            return ModelUses.None;
        }

#pragma warning disable RS0030 // A model file's own time is no clock's.
        var (bytes, written) = (info.Length, info.LastWriteTimeUtc.Ticks);
#pragma warning restore RS0030
        if (_known.TryGetValue(info.FullName, out var known) && known.Bytes == bytes && known.WrittenAtTicks == written)
        {
            return known.Uses;
        }

        var uses = Read(info.FullName);
        _known[info.FullName] = (bytes, written, uses);
        return uses;
    }

    private static ModelUses Read(string path)
    {
        try
        {
            using var file = GgufFile.Open(path);
            return EmbeddingProfile.Of(file, ArchitectureReaders.Read(file)).Uses;
        }
        catch (Exception error) when (error is GgufException or IOException or UnauthorizedAccessException)
        {
            return ModelUses.None;
        }
    }
}
