namespace Jesus.Inference.Engine.Gguf;

/// <summary>
/// A GGUF file (versions 2 and 3, little-endian), opened and checked: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The header is in memory,
/// tensor data stays in the file and is read by position. Opening throws <see cref="GgufException"/> naming file, offset and field. Reading tensors is safe
/// from several threads.
/// </summary>
public sealed class GgufFile : IDisposable
{
    private readonly IByteSource _source;
    private readonly Dictionary<string, GgufTensorInfo> _byName;

    private GgufFile(string name, IByteSource source, GgufHeader header)
    {
        Name = name;
        _source = source;
        Version = header.Version;
        Alignment = header.Alignment;
        DataOffset = header.DataOffset;
        Metadata = header.Metadata;
        Tensors = header.Tensors;
        _byName = header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>The path, or the name a test gave.</summary>
    public string Name { get; }
    public int Version { get; }

    /// <summary>Bytes of the whole file, or of all its parts.</summary>
    public long Length => _source.Length;
    public int Alignment { get; }

    /// <summary>Where tensor data begins, in bytes from the start of the (first) file.</summary>
    public long DataOffset { get; }
    public GgufMetadata Metadata { get; }

    /// <summary>In the file's order.</summary>
    public IReadOnlyList<GgufTensorInfo> Tensors { get; }

    /// <summary>
    /// Opens a file on disk, or all parts of a model of which the path names one: they are as one file. <see cref="IOException"/> and
    /// <see cref="UnauthorizedAccessException"/> come through.
    /// </summary>
    public static GgufFile Open(string path) => Open(ModelSource.Open(path), path);

    /// <summary>Opens any source; the file owns it, also when opening fails.</summary>
    public static GgufFile Open(IByteSource source, string name)
    {
        try
        {
            return new GgufFile(name, source, source is ModelSource parts ? SplitHeader.Read(parts) : GgufHeader.Read(source, name));
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    public bool TryGetTensor(string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out GgufTensorInfo? tensor) => _byName.TryGetValue(name, out tensor);

    /// <summary>Fills <paramref name="destination"/> with the tensor's bytes from <paramref name="offset"/> on (bytes within the tensor).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the tensor: a broken invariant of the caller.</exception>
    /// <exception cref="GgufException">The file became shorter since it was opened.</exception>
    public void ReadTensor(GgufTensorInfo tensor, long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, tensor.ByteLength - destination.Length);
        var read = _source.Read(tensor.FileOffset + offset, destination);
        if (read < destination.Length)
        {
            var at = tensor.FileOffset + offset + read;
            var (path, start) = _source is ModelSource parts && parts.PartOf(at) is var part ? (parts.PathAt(part), parts.StartOf(part)) : (Name, 0);
            throw new GgufException(path, at - start, tensor.Name, "the file became shorter while it was read.");
        }
    }

    public void Dispose() => _source.Dispose();
}
