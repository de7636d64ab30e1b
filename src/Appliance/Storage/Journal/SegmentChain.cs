namespace Jesus.Appliance.Storage.Journal;

/// <summary>Where the next group goes: the end of the last segment and what its header must carry.</summary>
internal readonly record struct ChainEnd(long Offset, long NextPosition, long NextGroup, Sha256Link Previous);

/// <summary>
/// The segments found at opening, in order, and the end of the log. Opening reads the headers of all and the whole of the last: a group that was
/// never acknowledged is cut off its end (at most one can be there, since the next is written only after the fsync of the one before);
/// anything else that is wrong is <see cref="JournalCorruptException"/>.
/// </summary>
internal sealed class SegmentChain(IDisk disk, string directory)
{
    public List<Segment> Segments { get; } = [];
    public ChainEnd End { get; private set; } = new(SegmentHeader.Bytes, 1, 1, default);
    public string? CutFile { get; private set; }
    public long CutOffset { get; private set; }
    public long CutBytes { get; private set; }
    public string? CutReason { get; private set; }

    public void Open()
    {
        var files = SegmentFiles();
        for (var i = 0; i < files.Count; i++)
        {
            OpenHeader(files[i].First, files[i].Path, isLast: i == files.Count - 1);
        }

        if (Segments.Count > 0)
        {
            ScanLast(Segments[^1]);
        }
    }

    public JournalOpenReport Report() => new(new JournalPosition(End.NextPosition - 1), Segments.Count, CutFile, CutOffset, CutBytes, CutReason);

    private List<(long First, string Path)> SegmentFiles()
    {
        var files = new List<(long, string)>();
        foreach (var name in disk.ListFiles(directory))
        {
            if (SegmentHeader.TryParseFileName(name, out var first))
            {
                files.Add((first, Path.Combine(directory, name)));
            }
        }

        return files;
    }

    private void OpenHeader(long first, string path, bool isLast)
    {
        using var file = disk.Open(path, DiskOpen.Read);
        Span<byte> bytes = stackalloc byte[SegmentHeader.Bytes];
        var problem = SegmentHeader.Parse(bytes[..file.Read(0, bytes)], out var header);
        if (problem is not null && isLast && LaterGroup(file, 0, 0) < 0)
        {
            DropUnbornSegment(path, file.Length, problem);
            return;
        }

        if (problem is not null)
        {
            throw new JournalCorruptException(path, 0, problem);
        }

        CheckPlace(path, first, header);
        Segments.Add(new Segment(path, header));
    }

    private void CheckPlace(string path, long first, in SegmentHeader header)
    {
        if (header.FirstPosition != first)
        {
            throw new JournalCorruptException(path, 0, $"the header says that it begins at record {header.FirstPosition}, the file's name says {first}");
        }

        if (Segments.Count == 0 && first != 1)
        {
            throw new JournalCorruptException(path, 0, "the segments before it are missing");
        }
    }

    /// <summary>A crash while the segment was being created: it holds no group, so nothing in it was acknowledged.</summary>
    private void DropUnbornSegment(string path, long length, string problem)
    {
        disk.Delete(path);
        disk.SyncDirectory(directory);
        (CutFile, CutOffset, CutBytes, CutReason) = (path, 0, length, problem);
    }

    private void ScanLast(Segment segment)
    {
        using var file = disk.Open(segment.Path, DiskOpen.OpenOrCreate);
        using var cursor = new GroupCursor(file, SegmentHeader.Bytes, file.Length);
        End = new ChainEnd(SegmentHeader.Bytes, segment.Header.FirstPosition, segment.Header.FirstGroup, segment.Header.Previous);
        CursorStep step;
        while ((step = cursor.Next()) == CursorStep.Group)
        {
            Accept(segment, cursor);
        }

        var later = LaterGroup(file, cursor.Offset + 1, End.NextGroup);
        if (later >= 0)
        {
            throw new JournalCorruptException(segment.Path, step == CursorStep.Bad ? cursor.ProblemOffset : cursor.Offset,
                $"{(step == CursorStep.Bad ? cursor.Problem : "zeros where a group was")}, although a later group is whole at offset {later}");
        }

        Cut(segment.Path, file, cursor.Offset, step == CursorStep.Bad ? cursor.Problem : "bytes after the end");
    }

    private void Accept(Segment segment, GroupCursor cursor)
    {
        var header = cursor.Header;
        if (header.Number != End.NextGroup || header.FirstPosition != End.NextPosition)
        {
            throw new JournalCorruptException(segment.Path, cursor.Offset,
                $"group {header.Number} with first record {header.FirstPosition} where group {End.NextGroup} with record {End.NextPosition} belongs");
        }

        segment.Remember(header.FirstPosition, cursor.Offset);
        End = new ChainEnd(cursor.Offset + cursor.Whole.Length, header.FirstPosition + header.Count, header.Number + 1, Sha256Link.Of(cursor.Whole));
    }

    /// <summary>Offset of a whole group header after <paramref name="from"/> with a number above <paramref name="number"/>; -1 when there is none.</summary>
    private static long LaterGroup(IDiskFile file, long from, long number)
    {
        var window = new byte[256 * 1024];
        for (var start = from; start < file.Length; start += window.Length - GroupHeader.Bytes + 1)
        {
            var bytes = window.AsSpan(0, file.Read(start, window));
            for (var at = 0; bytes[at..].IndexOf(GroupHeader.Magic) is >= 0 and var found; at += found + 1)
            {
                if (GroupHeader.Parse(bytes[(at + found)..], out var header) is null && header.Number > number)
                {
                    return start + at + found;
                }
            }
        }

        return -1;
    }

    private void Cut(string path, IDiskFile file, long offset, string reason)
    {
        var used = LastUsed(file, offset);
        if (used <= offset)
        {
            return;
        }

        file.SetLength(offset);
        file.Sync();
        (CutFile, CutOffset, CutBytes, CutReason) = (path, offset, used - offset, reason);
    }

    /// <summary>Offset after the last byte from <paramref name="from"/> on that is not zero.</summary>
    private static long LastUsed(IDiskFile file, long from)
    {
        var window = new byte[256 * 1024];
        var used = from;
        int read;
        for (var start = from; (read = file.Read(start, window)) > 0; start += read)
        {
            var last = window.AsSpan(0, read).LastIndexOfAnyExcept((byte)0);
            used = last < 0 ? used : start + last + 1;
        }

        return used;
    }
}
