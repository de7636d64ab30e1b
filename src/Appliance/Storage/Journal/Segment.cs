namespace Jesus.Appliance.Storage.Journal;

/// <summary>A segment file and a sparse index into it. Thread-safe: the writer adds places, readers look them up.</summary>
internal sealed class Segment(string path, in SegmentHeader header)
{
    /// <summary>A place is kept every so many bytes: a reader skips at most this much, and a full segment keeps a thousand places (16 KB).</summary>
    private const int IndexStrideBytes = 64 * 1024;

    private readonly List<(long Position, long Offset)> _places = [(header.FirstPosition, SegmentHeader.Bytes)];

    public string Path { get; } = path;
    public SegmentHeader Header { get; } = header;

    /// <summary>Remembers where a group begins, if the last remembered place is far enough back.</summary>
    public void Remember(long firstPosition, long offset)
    {
        lock (_places)
        {
            if (offset - _places[^1].Offset >= IndexStrideBytes)
            {
                _places.Add((firstPosition, offset));
            }
        }
    }

    /// <summary>Offset of a group at or before the one that holds a position.</summary>
    public long Seek(long position)
    {
        lock (_places)
        {
            var low = 0;
            var high = _places.Count - 1;
            while (low < high)
            {
                var middle = (low + high + 1) / 2;
                if (_places[middle].Position <= position)
                {
                    low = middle;
                }
                else
                {
                    high = middle - 1;
                }
            }

            return _places[low].Offset;
        }
    }
}
