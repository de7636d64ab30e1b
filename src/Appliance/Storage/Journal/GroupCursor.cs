using System.Buffers;

namespace Jesus.Appliance.Storage.Journal;

internal enum CursorStep : byte
{
    /// <summary><see cref="GroupCursor.Header"/> and <see cref="GroupCursor.Records"/> are the next group, every checksum verified.</summary>
    Group,

    /// <summary>Zeros or nothing follow: the written part ends at <see cref="GroupCursor.Offset"/>.</summary>
    End,

    /// <summary>What stands at <see cref="GroupCursor.Offset"/> is no group: <see cref="GroupCursor.Problem"/>.</summary>
    Bad,
}

/// <summary>Walks the groups of one segment file through a window of pooled memory that it owns.</summary>
internal sealed class GroupCursor(IDiskFile file, long offset, long limit) : IDisposable
{
    /// <summary>Bytes read at once: large enough that a rebuild reads at the disk's speed, small enough for one reader a watcher.</summary>
    private const int WindowBytes = 256 * 1024;

    private byte[] _window = ArrayPool<byte>.Shared.Rent(WindowBytes);
    private long _windowStart = offset;
    private int _windowLength;
    private int _groupBytes;

    /// <summary>Byte offset in the file of the group last returned, or of the place that stopped the walk.</summary>
    public long Offset { get; private set; } = offset;
    public GroupHeader Header { get; private set; }

    /// <summary>Where <see cref="Problem"/> lies.</summary>
    public long ProblemOffset { get; private set; }
    public string Problem { get; private set; } = "";

    /// <summary>The group's record frames; valid until the next step.</summary>
    public ReadOnlyMemory<byte> Records => _window.AsMemory((int)(Offset - _windowStart) + GroupHeader.Bytes, _groupBytes - GroupHeader.Bytes);

    /// <summary>The group as it stands on disk, header included; valid until the next step.</summary>
    public ReadOnlySpan<byte> Whole => _window.AsSpan((int)(Offset - _windowStart), _groupBytes);

    public CursorStep Next()
    {
        Offset += _groupBytes;
        _groupBytes = 0;
        var head = Peek(GroupHeader.Bytes);
        if (!head.ContainsAnyExcept((byte)0))
        {
            return CursorStep.End;
        }

        if (GroupHeader.Parse(head, out var header) is { } problem)
        {
            return Bad(problem, Offset);
        }

        Header = header;
        var whole = Peek(GroupHeader.Bytes + header.RecordBytes);
        if (whole.Length < GroupHeader.Bytes + header.RecordBytes)
        {
            return Bad("the group is longer than the file", Offset);
        }

        if (RecordFrame.Check(whole[GroupHeader.Bytes..], header) is { } bad)
        {
            return Bad(bad.What, Offset + GroupHeader.Bytes + bad.Offset);
        }

        _groupBytes = whole.Length;
        return CursorStep.Group;
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_window);
        _window = [];
    }

    private CursorStep Bad(string problem, long at)
    {
        Problem = problem;
        ProblemOffset = at;
        return CursorStep.Bad;
    }

    /// <summary>The bytes at <see cref="Offset"/>; fewer than asked only at the limit.</summary>
    private ReadOnlySpan<byte> Peek(int count)
    {
        count = (int)Math.Min(count, limit - Offset);
        var start = (int)(Offset - _windowStart);
        if (start + count > _windowLength)
        {
            Refill(start, count);
            start = 0;
        }

        return _window.AsSpan(start, Math.Min(count, _windowLength - start));
    }

    private void Refill(int start, int count)
    {
        var kept = _windowLength - start;
        var target = _window;
        if (count > target.Length)
        {
            target = ArrayPool<byte>.Shared.Rent(count);
        }

        _window.AsSpan(start, kept).CopyTo(target);
        if (target != _window)
        {
            ArrayPool<byte>.Shared.Return(_window);
            _window = target;
        }

        _windowStart = Offset;
        var wanted = (int)Math.Min(_window.Length - kept, limit - Offset - kept);
        _windowLength = kept + file.Read(Offset + kept, _window.AsSpan(kept, wanted));
    }
}
