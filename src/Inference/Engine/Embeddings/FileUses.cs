using System.Collections.Concurrent;
using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Embeddings;

/// <summary>What files are for, read from their headers once and again when a file changed. Any thread; holds one entry for each path asked for.</summary>
internal sealed class FileUses
{
    private readonly ConcurrentDictionary<string, (long Bytes, long WrittenAtTicks, ModelUses Uses)> _known = new(StringComparer.Ordinal);

    /// <summary><see cref="ModelUses.None"/> where the file cannot be read or run: loading it says why.</summary>
    /// <param name="path">The file, or the first of its parts.</param>
    /// <param name="bytes">Of all; 0 where there is none.</param>
    /// <param name="writtenAtTicks">When one of them was written last.</param>
    public ModelUses Of(string path, long bytes, long writtenAtTicks)
    {
        if (bytes == 0)
        {
            return ModelUses.None;
        }

        if (_known.TryGetValue(path, out var known) && known.Bytes == bytes && known.WrittenAtTicks == writtenAtTicks)
        {
            return known.Uses;
        }

        var uses = Read(path);
        _known[path] = (bytes, writtenAtTicks, uses);
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
