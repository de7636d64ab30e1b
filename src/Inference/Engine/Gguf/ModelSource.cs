using Jesus.Inference.Engine.Hosting;

namespace Jesus.Inference.Engine.Gguf;

/// <summary>A model's bytes: its file, or its parts one behind the other as if they were one. Safe from several threads at once.</summary>
public sealed class ModelSource : IByteSource
{
    private readonly FileByteSource[] _parts;
    private readonly string[] _paths;
    private readonly long[] _starts;

    private ModelSource(string[] paths)
    {
        _paths = paths;
        _parts = new FileByteSource[paths.Length];
        _starts = new long[paths.Length];
        for (var i = 0; i < paths.Length; i++)
        {
            _starts[i] = Length;
            _parts[i] = OpenPart(i);
            Length += _parts[i].Length;
        }
    }

    /// <summary>Of all parts together.</summary>
    public long Length { get; }

    /// <summary>1 for a model in one file.</summary>
    public int PartCount => _parts.Length;

    /// <summary>Changes when a part is written to, whatever lies under its name now.</summary>
    public long WrittenAt => _parts.Aggregate(0L, static (all, part) => unchecked((all * 31) + part.WrittenAtTicks));

    /// <summary>Which files they are and in which state; null where the system does not say.</summary>
    internal FileStamp? Stamp => FileStamp.Join(_parts.Select(static part => part.Stamp));

    /// <summary>Opens the file, or all parts of the model of which the path names one.</summary>
    /// <exception cref="GgufException">A part is missing.</exception>
    public static ModelSource Open(string path) => new(SplitName.PartsOf(path));

    /// <summary>Opens files as one, whatever they are called.</summary>
    public static ModelSource Of(string[] paths) => new(paths);

    /// <summary>One part alone. The source stays its owner.</summary>
    public IByteSource PartAt(int index) => _parts[index];

    public string PathAt(int index) => _paths[index];

    /// <summary>Where a part begins in the whole, in bytes.</summary>
    public long StartOf(int index) => _starts[index];

    /// <summary>In which part a byte of the whole lies.</summary>
    public int PartOf(long offset)
    {
        var found = Array.BinarySearch(_starts, offset);
        return found >= 0 ? found : ~found - 1;
    }

    public int Read(long offset, Span<byte> destination)
    {
        var done = 0;
        for (var part = PartOf(offset); part < _parts.Length && done < destination.Length; part++)
        {
            var at = offset + done - _starts[part];
            var wanted = (int)Math.Min(destination.Length - done, _parts[part].Length - at);
            var read = _parts[part].Read(at, destination.Slice(done, wanted));
            done += read;
            if (read < wanted)
            {
                break;
            }
        }

        return done;
    }

    public void Dispose() => Array.ForEach(_parts, static part => part?.Dispose());

    private FileByteSource OpenPart(int index)
    {
        try
        {
            return new FileByteSource(_paths[index]);
        }
        catch (Exception error)
        {
            Dispose();
            if (_paths.Length > 1 && error is FileNotFoundException)
            {
                throw new GgufException(_paths[index], 0, "the file", $"is missing: it is part {index + 1} of {_paths.Length} of this model, and all must lie in one folder.");
            }

            throw;
        }
    }
}
