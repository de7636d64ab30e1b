using System.Runtime.InteropServices;

namespace Jesus.Appliance.Storage;

/// <summary>The real disk.</summary>
public sealed class PosixDisk : IDisk
{
#pragma warning disable RS0030 // This is the one room behind IDisk that may touch System.IO.File.
    public bool FileExists(string path) => File.Exists(path);

    public bool DirectoryExists(string path) => Directory.Exists(path);

    public long FileLength(string path) => new FileInfo(path).Length;

    public void CreateDirectory(string path) => Directory.CreateDirectory(path);

    public IReadOnlyList<string> ListFiles(string directory)
    {
        var names = Directory.GetFiles(directory);
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = Path.GetFileName(names[i]);
        }

        Array.Sort(names, StringComparer.Ordinal);
        return names;
    }

    public IDiskFile Open(string path, DiskOpen mode) => new PosixFile(path, mode switch
    {
        DiskOpen.Read => File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete),
        DiskOpen.CreateNew => File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete),
        _ => File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete),
    });

    public void Delete(string path) => File.Delete(path);

    public void Rename(string from, string to) => File.Move(from, to, overwrite: true);

    public IDisposable Lock(string path)
    {
        try
        {
            // FileShare.None is flock(LOCK_EX | LOCK_NB): the kernel lets go when the process ends, however it ends.
            return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new IOException($"{path} is held by another process: stop the daemon that uses this folder, or give this one its own with --state.", e);
        }
    }
#pragma warning restore RS0030

    public void SyncDirectory(string path)
    {
        var descriptor = Libc.Open(path, Libc.OpenDirectory);
        if (descriptor < 0)
        {
            throw Failed("open", path, Marshal.GetLastPInvokeError());
        }

        var result = Libc.Sync(descriptor);
        var error = Marshal.GetLastPInvokeError();
        _ = Libc.Close(descriptor);
        if (result != 0)
        {
            throw Failed("fsync", path, error);
        }
    }

    public long FreeBytes(string path) => FreeBytesOf(path);

    internal static long FreeBytesOf(string path) => new DriveInfo(path).AvailableFreeSpace;

    internal static IOException Failed(string call, string path, int error) =>
        new($"{call} of {path} failed: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}).", error);
}
