namespace Jesus.Appliance.Storage.Journal;

/// <summary>Reads durable records back, checking each checksum and that none is missing.</summary>
internal static class JournalReader
{
    /// <param name="segments">All segments, in order.</param>
    /// <param name="end">Offset of the durable end in the last of them.</param>
    /// <param name="after">The first record returned is the one after this.</param>
    /// <param name="last">The last record returned.</param>
    public static IEnumerable<JournalRecord> Read(IDisk disk, Segment[] segments, long end, long after, long last)
    {
        var next = after + 1;
        for (var i = Holding(segments, next); i < segments.Length && next <= last; i++)
        {
            var isLast = i == segments.Length - 1;
            using var file = disk.Open(segments[i].Path, DiskOpen.Read);
            using var cursor = new GroupCursor(file, segments[i].Seek(next), isLast ? end : file.Length);
            var segmentEnd = isLast ? last : segments[i + 1].Header.FirstPosition - 1;
            while (next <= segmentEnd)
            {
                Step(segments[i], cursor, next);
                var offset = 0;
                for (var n = 0; n < cursor.Header.Count; n++)
                {
                    var frame = RecordFrame.Read(cursor.Records.Span[offset..]);
                    if (frame.Position == next)
                    {
                        yield return new JournalRecord(new JournalPosition(next), frame.Kind, frame.UtcTicks, cursor.Records.Slice(offset + RecordFrame.HeaderBytes, frame.Length));
                        next++;
                    }

                    offset += RecordFrame.HeaderBytes + frame.Length;
                }
            }
        }
    }

    private static void Step(Segment segment, GroupCursor cursor, long next)
    {
        var step = cursor.Next();
        if (step == CursorStep.Bad)
        {
            throw new JournalCorruptException(segment.Path, cursor.ProblemOffset, cursor.Problem);
        }

        if (step == CursorStep.End || cursor.Header.FirstPosition > next)
        {
            throw new JournalCorruptException(segment.Path, cursor.Offset, $"record {next} is missing");
        }

        segment.Remember(cursor.Header.FirstPosition, cursor.Offset);
    }

    private static int Holding(Segment[] segments, long position)
    {
        var i = segments.Length - 1;
        while (i > 0 && segments[i].Header.FirstPosition > position)
        {
            i--;
        }

        return i;
    }
}
