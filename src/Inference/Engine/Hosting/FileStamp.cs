using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Jesus.Inference.Engine.Gguf;
using Microsoft.Win32.SafeHandles;

namespace Jesus.Inference.Engine.Hosting;

/// <summary>
/// What of a file changes when its content does: which file it is, how long, when it was written and when anything of it was changed (the system's own clock, which no
/// copying tool sets back). Equal stamps are the same bytes, short of a damaged disk.
/// </summary>
internal readonly record struct FileStamp(ulong Device, ulong Inode, long Length, long WrittenNs, long ChangedNs)
{
    /// <summary>Bytes of <c>struct statx</c>; offsets below are those of statx(2), the same on every architecture.</summary>
    private const int StatBytes = 256;

    /// <summary>Of an open file; null where the system does not say.</summary>
    public static FileStamp? Of(SafeFileHandle file)
    {
        var added = false;
        try
        {
            file.DangerousAddRef(ref added);
            return Of((int)file.DangerousGetHandle(), "", Libc.EmptyPath);
        }
        finally
        {
            if (added)
            {
                file.DangerousRelease();
            }
        }
    }

    /// <summary>Of the file that lies there now, links followed; null where there is none.</summary>
    public static FileStamp? Of(string path) => Of(Libc.CurrentFolder, path, 0);

    /// <summary>Of the model that lies there now, in one file or in parts; null where a file is missing.</summary>
    public static FileStamp? OfModel(string path) => Join(SplitName.PartsOf(path).Select(Of));

    /// <summary>One that changes when any of them does; that of a single file is its own. Null where one is.</summary>
    public static FileStamp? Join(IEnumerable<FileStamp?> stamps)
    {
        FileStamp? all = null;
        foreach (var stamp in stamps)
        {
            if (stamp is not { } next)
            {
                return null;
            }

            all = all is { } before ? before.With(next) : next;
        }

        return all;
    }

    private FileStamp With(in FileStamp next) => new(Mix(Device, next.Device), Mix(Inode, next.Inode), Length + next.Length,
        (long)Mix((ulong)WrittenNs, (ulong)next.WrittenNs), (long)Mix((ulong)ChangedNs, (ulong)next.ChangedNs));

    /// <summary>FNV-1a's step on whole words: in order, so that two parts that change places are another model.</summary>
    private static ulong Mix(ulong before, ulong next) => unchecked((before ^ next) * 0x100000001B3);

    private static FileStamp? Of(int folder, string path, int flags)
    {
        Span<byte> stat = stackalloc byte[StatBytes];
        try
        {
            if (Libc.Statx(folder, path, flags, Libc.BasicStats, ref MemoryMarshal.GetReference(stat)) != 0)
            {
                return null;
            }
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }

        var device = ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(stat[136..]) << 32) | BinaryPrimitives.ReadUInt32LittleEndian(stat[140..]);
        var inode = BinaryPrimitives.ReadUInt64LittleEndian(stat[32..]);
        return new FileStamp(device, inode, BinaryPrimitives.ReadInt64LittleEndian(stat[40..]), Nanoseconds(stat[112..]), Nanoseconds(stat[96..]));
    }

    /// <summary><c>struct statx_timestamp</c>: seconds, then nanoseconds.</summary>
    private static long Nanoseconds(ReadOnlySpan<byte> at) =>
        unchecked(BinaryPrimitives.ReadInt64LittleEndian(at) * 1_000_000_000 + BinaryPrimitives.ReadUInt32LittleEndian(at[8..]));
}
