using System.Runtime.InteropServices;

namespace Jesus.Inference.Engine.Hosting;

/// <summary>The two calls that the base library lacks: it sets no thread's niceness and tells no inode.</summary>
internal static partial class Libc
{
    /// <summary>glibc's own file name: "libc" alone finds a linker script where development files are installed.</summary>
    private const string Library = "libc.so.6";

    /// <summary>PRIO_PROCESS of setpriority(2); with 0 it means the calling thread on Linux.</summary>
    public const int OfProcess = 0;

    /// <summary>AT_FDCWD and AT_EMPTY_PATH of statx(2).</summary>
    public const int CurrentFolder = -100;
    public const int EmptyPath = 0x1000;

    /// <summary>STATX_BASIC_STATS.</summary>
    public const uint BasicStats = 0x7ff;

    [LibraryImport(Library, EntryPoint = "setpriority")]
    public static partial int SetPriority(int which, uint who, int niceness);

    [LibraryImport(Library, EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Statx(int folder, string path, int flags, uint mask, ref byte stat);
}
