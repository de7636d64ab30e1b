using System.Buffers;

namespace Jesus.Appliance.Storage.Journal;

/// <summary>Searches in what follows the last whole group of a segment: is it a torn tail, or was something in front of acknowledged groups damaged?</summary>
internal static class SegmentSearch
{
    private const int WindowBytes = 256 * 1024;

    /// <summary>Offset of a whole group header at or after <paramref name="from"/> with a number above <paramref name="number"/>; -1 when there is none.</summary>
    public static long LaterGroup(IDiskFile file, long from, long number)
    {
        var window = ArrayPool<byte>.Shared.Rent(WindowBytes);
        try
        {
            for (var start = from; start < file.Length; start += window.Length - GroupHeader.Bytes + 1)
            {
                if (LaterGroup(window.AsSpan(0, file.Read(start, window)), number) is >= 0 and var found)
                {
                    return start + found;
                }
            }

            return -1;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(window);
        }
    }

    /// <summary>Offset after the last byte at or after <paramref name="from"/> that is not zero; <paramref name="from"/> when all are.</summary>
    public static long LastUsed(IDiskFile file, long from)
    {
        var window = ArrayPool<byte>.Shared.Rent(WindowBytes);
        try
        {
            var used = from;
            int read;
            for (var start = from; (read = file.Read(start, window)) > 0; start += read)
            {
                var last = window.AsSpan(0, read).LastIndexOfAnyExcept((byte)0);
                used = last < 0 ? used : start + last + 1;
            }

            return used;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(window);
        }
    }

    private static int LaterGroup(ReadOnlySpan<byte> bytes, long number)
    {
        for (var at = 0; bytes[at..].IndexOf(GroupHeader.Magic) is >= 0 and var found; at += found + 1)
        {
            if (GroupHeader.Parse(bytes[(at + found)..], out var header) is null && header.Number > number)
            {
                return at + found;
            }
        }

        return -1;
    }
}
