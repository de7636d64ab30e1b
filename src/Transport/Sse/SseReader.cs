using Jesus.Transport.Buffers;

namespace Jesus.Transport.Sse;

public enum SseStatus : byte
{
    /// <summary>The input is used up; no event is complete.</summary>
    NeedMore,

    /// <summary>An event is complete; its fields are valid until the next read.</summary>
    Event,

    /// <summary>A line or an event is longer than allowed; the stream cannot be followed further.</summary>
    TooLong,
}

/// <summary>
/// Reads an event stream (WHATWG HTML, section 9.2.6, "Interpreting an event stream") from pieces cut anywhere, even inside a character or a line end.
/// One stream at a time; <see cref="Reset"/> begins the next.
/// </summary>
/// <param name="lineMax">Bytes of one line; 1 MiB holds any delta of a model and bounds what a hostile server makes us keep.</param>
/// <param name="eventMax">Bytes of one event's data over all its lines.</param>
public sealed class SseReader(int lineMax = 1024 * 1024, int eventMax = 4 * 1024 * 1024) : IDisposable
{
    private readonly PooledBuffer _line = new();
    private readonly PooledBuffer _data = new();
    private readonly PooledBuffer _name = new(64);
    private readonly PooledBuffer _id = new(64);
    private bool _afterCarriageReturn;
    private bool _started;
    private bool _hasData;
    private bool _dispatched;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    public ReadOnlyMemory<byte> Data => _data.Memory;

    /// <summary>The event's type; empty stands for <c>message</c>.</summary>
    public ReadOnlyMemory<byte> Name => _name.Memory;

    /// <summary>The last id that the stream gave; it stays over events.</summary>
    public ReadOnlyMemory<byte> LastId => _id.Memory;

    /// <summary>Reads up to the end of the next event.</summary>
    /// <param name="input">Moved past what was read; call again with the rest after an event.</param>
    public SseStatus Read(ref ReadOnlySpan<byte> input)
    {
        ClearDispatched();
        while (SkipLineFeed(ref input))
        {
            var end = input.IndexOfAny((byte)'\r', (byte)'\n');
            if (end < 0)
            {
                return KeepPart(ref input);
            }

            var status = TakeLine(ref input, end);
            if (status != SseStatus.NeedMore)
            {
                return status;
            }
        }

        return SseStatus.NeedMore;
    }

    /// <summary>The next bytes belong to a new stream. An event without its blank line is dropped, as the standard says.</summary>
    public void Reset()
    {
        _line.Reset();
        _data.Reset();
        _name.Reset();
        _id.Reset();
        _afterCarriageReturn = false;
        _started = false;
        _hasData = false;
        _dispatched = false;
    }

    public void Dispose()
    {
        _line.Dispose();
        _data.Dispose();
        _name.Dispose();
        _id.Dispose();
    }

    private void ClearDispatched()
    {
        if (_dispatched)
        {
            _dispatched = false;
            _hasData = false;
            _data.Reset();
            _name.Reset();
        }
    }

    /// <summary>The line feed of a CR LF that was cut between the two.</summary>
    private bool SkipLineFeed(ref ReadOnlySpan<byte> input)
    {
        if (_afterCarriageReturn && !input.IsEmpty)
        {
            _afterCarriageReturn = false;
            input = input[0] == '\n' ? input[1..] : input;
        }

        return !input.IsEmpty;
    }

    private SseStatus KeepPart(ref ReadOnlySpan<byte> input)
    {
        if (_line.Length + input.Length > lineMax)
        {
            return SseStatus.TooLong;
        }

        _line.Write(input);
        input = default;
        return SseStatus.NeedMore;
    }

    private SseStatus TakeLine(ref ReadOnlySpan<byte> input, int end)
    {
        if (_line.Length + end > lineMax)
        {
            return SseStatus.TooLong;
        }

        var line = input[..end];
        if (_line.Length > 0)
        {
            _line.Write(line);
            line = _line.Span;
        }

        _afterCarriageReturn = input[end] == '\r';
        input = input[(end + 1)..];
        var status = Interpret(line);
        _line.Reset();
        return status;
    }

    private SseStatus Interpret(ReadOnlySpan<byte> line)
    {
        if (!_started)
        {
            _started = true;
            line = line.StartsWith(ByteOrderMark) ? line[ByteOrderMark.Length..] : line;
        }

        if (line.IsEmpty)
        {
            return Dispatch();
        }

        var colon = line.IndexOf((byte)':');
        var field = colon < 0 ? line : line[..colon];
        var value = colon < 0 ? default : line[(colon + 1)..];
        return Set(field, value.StartsWith(" "u8) ? value[1..] : value);
    }

    private SseStatus Set(ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        if (field.SequenceEqual("data"u8))
        {
            return AddData(value);
        }

        if (field.SequenceEqual("event"u8))
        {
            _name.Reset();
            _name.Write(value);
        }
        else if (field.SequenceEqual("id"u8) && !value.Contains((byte)0))
        {
            _id.Reset();
            _id.Write(value);
        }

        // A comment (empty field), retry, or a field that the standard does not know.
        return SseStatus.NeedMore;
    }

    private SseStatus AddData(ReadOnlySpan<byte> value)
    {
        if (_data.Length + value.Length + 1 > eventMax)
        {
            return SseStatus.TooLong;
        }

        if (_hasData)
        {
            _data.Write((byte)'\n');
        }

        _data.Write(value);
        _hasData = true;
        return SseStatus.NeedMore;
    }

    private SseStatus Dispatch()
    {
        if (!_hasData)
        {
            _name.Reset();
            return SseStatus.NeedMore;
        }

        _dispatched = true;
        return SseStatus.Event;
    }
}
