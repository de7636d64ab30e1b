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
        if (problem is not null && isLast && SegmentSearch.LaterGroup(file, 0, 0) < 0)
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
        var lastGroup = End.Offset; // only its hash is needed to go on; the rest of the chain is checked by the audit
        CursorStep step;
        while ((step = cursor.Next()) == CursorStep.Group)
        {
            lastGroup = cursor.Offset;
            Accept(segment, cursor);
        }

        if (lastGroup < End.Offset)
        {
            End = End with { Previous = LinkOf(file, lastGroup, End.Offset) };
        }

        var later = SegmentSearch.LaterGroup(file, cursor.Offset + 1, End.NextGroup);
        if (later >= 0)
        {
            throw new JournalCorruptException(segment.Path, step == CursorStep.Bad ? cursor.ProblemOffset : cursor.Offset,
                $"{(step == CursorStep.Bad ? cursor.Problem : "zeros where a group was")}, although a later group is whole at offset {later}");
        }

        Cut(segment.Path, file, cursor.Offset, step == CursorStep.Bad ? cursor.Problem : "bytes after the end");

        // A killed process may have left its last group, and the segment's name, in memory only: what is read as durable must be.
        file.Sync();
        disk.SyncDirectory(directory);
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
        End = new ChainEnd(cursor.Offset + cursor.Whole.Length, header.FirstPosition + header.Count, header.Number + 1, default);
    }

    private static Sha256Link LinkOf(IDiskFile file, long from, long to)
    {
        var group = new byte[to - from];
        file.Read(from, group);
        return Sha256Link.Of(group);
    }

    private void Cut(string path, IDiskFile file, long offset, string reason)
    {
        var used = SegmentSearch.LastUsed(file, offset);
        if (used <= offset)
        {
            return;
        }

        file.SetLength(offset);
        (CutFile, CutOffset, CutBytes, CutReason) = (path, offset, used - offset, reason);
    }
}
