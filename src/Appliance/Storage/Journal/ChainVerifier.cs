namespace Jesus.Appliance.Storage.Journal;

/// <summary>What a walk over the whole journal found.</summary>
/// <param name="Records">Records that were found whole and in their place.</param>
/// <param name="Groups">Links of the chain.</param>
/// <param name="Head">SHA-256 of the last whole group, hexadecimal: two equal heads are two equal journals.</param>
/// <param name="BadFile">The first bad place; null when all is well.</param>
/// <param name="BadOffset">Byte offset in it.</param>
/// <param name="Problem">What is wrong there.</param>
public sealed record ChainReport(long Records, long Groups, string Head, string? BadFile = null, long BadOffset = 0, string? Problem = null)
{
    public bool IsWhole => BadFile is null;
}

/// <summary>Walks all groups of a journal and compares each link with the bytes that it vouches for.</summary>
internal sealed class ChainVerifier(IDisk disk, Segment[] segments, long durableEnd, long durable)
{
    private Sha256Link _head;
    private long _records;
    private long _groups;

    public ChainReport Run(CancellationToken cancel)
    {
        for (var i = 0; i < segments.Length; i++)
        {
            var isLast = i == segments.Length - 1;
            if (Walk(segments[i], isLast ? durableEnd : long.MaxValue, cancel) is { } bad)
            {
                return bad;
            }
        }

        return _records == durable ? Report() : Bad(segments.Length == 0 ? "" : segments[^1].Path, durableEnd, $"{durable - _records} records are missing at the end");
    }

    private ChainReport? Walk(Segment segment, long limit, CancellationToken cancel)
    {
        using var file = disk.Open(segment.Path, DiskOpen.Read);
        var header = segment.Header;
        if (header.FirstPosition != _records + 1 || header.FirstGroup != _groups + 1)
        {
            return Bad(segment.Path, 0, $"the segment begins at record {header.FirstPosition}, record {_records + 1} belongs here");
        }

        if (!header.Previous.Equals(_head))
        {
            return Bad(segment.Path, 0, "the segment's link is not the hash of the group before it");
        }

        using var cursor = new GroupCursor(file, SegmentHeader.Bytes, Math.Min(limit, file.Length));
        CursorStep step;
        while ((step = cursor.Next()) == CursorStep.Group)
        {
            cancel.ThrowIfCancellationRequested();
            if (Check(cursor.Header) is { } problem)
            {
                return Bad(segment.Path, cursor.Offset, problem);
            }

            _records += cursor.Header.Count;
            _groups++;
            _head = Sha256Link.Of(cursor.Whole);
        }

        return step == CursorStep.Bad ? Bad(segment.Path, cursor.ProblemOffset, cursor.Problem) : null;
    }

    private string? Check(in GroupHeader header)
    {
        if (header.Number != _groups + 1 || header.FirstPosition != _records + 1)
        {
            return $"group {header.Number} with record {header.FirstPosition} where group {_groups + 1} with record {_records + 1} belongs";
        }

        return header.Previous.Equals(_head) ? null : "the group's link is not the hash of the group before it: one of the two was changed";
    }

    private ChainReport Report() => new(_records, _groups, _head.ToString());

    private ChainReport Bad(string file, long offset, string problem) => Report() with { BadFile = file, BadOffset = offset, Problem = problem };
}
