namespace Jesus.Appliance.Storage.Journal;

/// <summary>Writes groups at the end of the chain, one fsync each. One caller at a time; after an exception it must not be used again.</summary>
internal sealed class SegmentWriter : IDisposable
{
    private static readonly byte[] Zeros = new byte[64 * 1024];

    private readonly IDisk _disk;
    private readonly string _directory;
    private readonly JournalOptions _options;
    private IDiskFile? _file;
    private long _zeroedTo;
    private ChainEnd _end;

    public SegmentWriter(IDisk disk, string directory, JournalOptions options, SegmentChain chain)
    {
        (_disk, _directory, _options, _end) = (disk, directory, options, chain.End);
        if (chain.Segments.Count > 0)
        {
            _file = disk.Open(chain.Segments[^1].Path, DiskOpen.OpenOrCreate);
            _zeroedTo = _file.Length;
        }
    }

    /// <summary>Offset in the current segment after the last group.</summary>
    public long Offset => _end.Offset;

    /// <summary>Writes and syncs one group.</summary>
    /// <param name="group">Room for the header, then the record frames.</param>
    /// <param name="count">Number of records in it.</param>
    /// <param name="current">The segment written last; replaced when a new one was begun.</param>
    /// <returns>True when the group is the first of a new segment.</returns>
    public bool Write(Span<byte> group, int count, ref Segment? current)
    {
        var begins = _file is null || _end.Offset + group.Length > _options.SegmentBytes;
        if (begins)
        {
            current = BeginSegment();
        }

        new GroupHeader(group.Length - GroupHeader.Bytes, _end.NextGroup, _end.NextPosition, count, _end.Previous).Write(group);
        ZeroAhead(_end.Offset + group.Length);
        _file!.Write(_end.Offset, group);
        _file.Sync();
        current!.Remember(_end.NextPosition, _end.Offset);
        _end = new ChainEnd(_end.Offset + group.Length, _end.NextPosition + count, _end.NextGroup + 1, Sha256Link.Of(group));
        return begins;
    }

    public void Dispose() => _file?.Dispose();

    private Segment BeginSegment()
    {
        var header = new SegmentHeader(_end.NextPosition, _end.NextGroup, _end.Previous);
        var path = Path.Combine(_directory, SegmentHeader.FileName(header.FirstPosition));
        _file?.Dispose();
        _file = _disk.Open(path, DiskOpen.CreateNew);
        Span<byte> bytes = stackalloc byte[SegmentHeader.Bytes];
        header.Write(bytes);
        _file.Write(0, bytes);
        _zeroedTo = SegmentHeader.Bytes;
        ZeroAhead(SegmentHeader.Bytes);
        _file.Sync();
        _disk.SyncDirectory(_directory);
        _end = _end with { Offset = SegmentHeader.Bytes };
        return new Segment(path, header);
    }

    /// <summary>Keeps zeros written past <paramref name="end"/>; the group's own fsync makes them durable with it.</summary>
    private void ZeroAhead(long end)
    {
        if (end <= _zeroedTo && _zeroedTo > SegmentHeader.Bytes)
        {
            return;
        }

        var to = Math.Max(end, Math.Min(_options.SegmentBytes, end + _options.ZeroAheadBytes));
        while (_zeroedTo < to)
        {
            var bytes = (int)Math.Min(Zeros.Length, to - _zeroedTo);
            _file!.Write(_zeroedTo, Zeros.AsSpan(0, bytes));
            _zeroedTo += bytes;
        }
    }
}
