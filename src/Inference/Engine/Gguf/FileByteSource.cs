using Jesus.Inference.Engine.Hosting;
using Microsoft.Win32.SafeHandles;

namespace Jesus.Inference.Engine.Gguf;

/// <summary>A file on disk, read with <c>pread</c>. Safe from several threads at once.</summary>
public sealed class FileByteSource : IByteSource
{
    private readonly SafeFileHandle _handle;

    public FileByteSource(string path)
    {
#pragma warning disable RS0030 // Model files are read-only inputs of the engine, not stored state.
        _handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.None);
#pragma warning restore RS0030
        Length = RandomAccess.GetLength(_handle);
    }

    public long Length { get; }

    /// <summary>When the file was last written to, whatever lies under its name now.</summary>
#pragma warning disable RS0030 // A model file is no stored state, and its own time is no clock's.
    public long WrittenAtTicks => File.GetLastWriteTimeUtc(_handle).Ticks;
#pragma warning restore RS0030

    /// <summary>Which file it is and in which state; null where the system does not say.</summary>
    internal FileStamp? Stamp => FileStamp.Of(_handle);

    public int Read(long offset, Span<byte> destination)
    {
        var done = 0;
        while (done < destination.Length)
        {
            var count = RandomAccess.Read(_handle, destination[done..], offset + done);
            if (count == 0)
            {
                break;
            }

            done += count;
        }

        return done;
    }

    public void Dispose() => _handle.Dispose();
}
