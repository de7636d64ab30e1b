using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Jesus.Appliance.Storage;

/// <summary>The three calls that the base library lacks: it has no fdatasync and opens no directories.</summary>
internal static partial class Libc
{
    /// <summary>glibc's own file name: "libc" alone finds a linker script where development files are installed.</summary>
    private const string Library = "libc.so.6";

    /// <summary>O_RDONLY | O_DIRECTORY | O_CLOEXEC on Linux x86-64.</summary>
    public const int OpenDirectory = 0x10000 | 0x80000;

    [LibraryImport(Library, EntryPoint = "fdatasync", SetLastError = true)]
    public static partial int DataSync(SafeFileHandle file);

    [LibraryImport(Library, EntryPoint = "fsync", SetLastError = true)]
    public static partial int Sync(int descriptor);

    [LibraryImport(Library, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [LibraryImport(Library, EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);
}
