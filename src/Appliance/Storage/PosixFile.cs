using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Jesus.Appliance.Storage;

/// <summary>A file of a POSIX disk: pread, pwrite, fdatasync.</summary>
internal sealed class PosixFile(string path, SafeFileHandle handle) : IDiskFile
{
    private const int NoSpace = 28; // ENOSPC, which the base library puts into HResult unchanged

    public long Length => RandomAccess.GetLength(handle);

    public int Read(long position, Span<byte> destination)
    {
        var total = 0;
        while (total < destination.Length)
        {
            var read = RandomAccess.Read(handle, destination[total..], position + total);
            if (read == 0)
            {
                break;
            }

            total += read;
        }

        return total;
    }

    public void Write(long position, ReadOnlySpan<byte> source)
    {
        try
        {
            RandomAccess.Write(handle, source, position);
        }
        catch (IOException e) when (e.HResult == NoSpace)
        {
            throw new DiskFullException(path, PosixDisk.FreeBytesOf(path), e);
        }
    }

    public void SetLength(long length) => RandomAccess.SetLength(handle, length);

    public void Sync()
    {
        // fdatasync, not the base library's fsync: an overwrite inside the file's length then costs no update of its inode.
        if (Libc.DataSync(handle) != 0)
        {
            throw PosixDisk.Failed("fdatasync", path, Marshal.GetLastPInvokeError());
        }
    }

    public void Dispose() => handle.Dispose();
}
