using System.Buffers;

namespace Jesus.Transport.Sse;

/// <summary>Writes events straight into the receiver's buffer. The same standard as <see cref="SseReader"/>.</summary>
public static class SseWriter
{
    /// <summary>One event. Data may hold line ends: each line becomes a <c>data</c> field. A name or id may not.</summary>
    public static void WriteEvent(IBufferWriter<byte> to, ReadOnlySpan<byte> data, ReadOnlySpan<byte> name = default, ReadOnlySpan<byte> id = default)
    {
        WriteField(to, "event: "u8, name);
        WriteField(to, "id: "u8, id);
        while (true)
        {
            var end = data.IndexOfAny((byte)'\r', (byte)'\n');
            WriteLine(to, "data: "u8, end < 0 ? data : data[..end]);
            if (end < 0)
            {
                break;
            }

            var lineEnd = data[end] == '\r' && end + 1 < data.Length && data[end + 1] == '\n' ? 2 : 1;
            data = data[(end + lineEnd)..];
        }

        WriteLine(to, default, default);
    }

    /// <summary>A comment: keeps a quiet connection open, and readers skip it.</summary>
    public static void WriteComment(IBufferWriter<byte> to, ReadOnlySpan<byte> text)
    {
        RefuseLineEnds(text);
        WriteLine(to, ": "u8, text);
        WriteLine(to, default, default);
    }

    private static void WriteField(IBufferWriter<byte> to, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        if (!value.IsEmpty)
        {
            RefuseLineEnds(value);
            WriteLine(to, field, value);
        }
    }

    // The size is asked for: Kestrel's writer of a chunked body may answer a request for "some" bytes with none (at the end of a block of its memory).
    private static void WriteLine(IBufferWriter<byte> to, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        var span = to.GetSpan(field.Length + value.Length + 1);
        field.CopyTo(span);
        value.CopyTo(span[field.Length..]);
        span[field.Length + value.Length] = (byte)'\n';
        to.Advance(field.Length + value.Length + 1);
    }

    private static void RefuseLineEnds(ReadOnlySpan<byte> value)
    {
        if (value.IndexOfAny((byte)'\r', (byte)'\n') >= 0)
        {
            throw new ArgumentException("An event's name or id, and a comment, are one line: a line end would let it forge another field.", nameof(value));
        }
    }
}
