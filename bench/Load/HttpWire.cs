using System.Buffers.Text;

namespace Jesus.Bench.Load;

/// <summary>Where an HTTP/1.1 message ends; only what the load and the servers beside it write.</summary>
internal static class HttpWire
{
    /// <summary>Length of the first message in the bytes; 0 while it is not whole.</summary>
    public static int MessageLength(ReadOnlySpan<byte> bytes)
    {
        var head = bytes.IndexOf("\r\n\r\n"u8);
        if (head < 0)
        {
            return 0;
        }

        head += 4;
        var length = ContentLength(bytes[..head]);
        if (length >= 0)
        {
            return bytes.Length >= head + length ? head + length : 0;
        }

        return bytes[..head].IndexOf("chunked"u8) < 0 ? head : ChunkedEnd(bytes, head);
    }

    public static int Status(ReadOnlySpan<byte> bytes) => Utf8Parser.TryParse(bytes[9..], out int status, out _) ? status : 0;

    /// <summary>What a refusal tells, in its exact form where there is one; 0 without.</summary>
    public static long RetryAfterMs(ReadOnlySpan<byte> bytes)
    {
        var head = bytes[..Math.Max(0, bytes.IndexOf("\r\n\r\n"u8))];
        return Number(head, "\nretry-after-ms: "u8) is > 0 and var exact ? exact : 1_000 * Number(head, "\nRetry-After: "u8);
    }

    private static long Number(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name) =>
        head.IndexOf(name) is >= 0 and var at && Utf8Parser.TryParse(head[(at + name.Length)..], out long number, out _) ? number : 0;

    /// <summary>Chunks are jumped over: an answer's text may look like an end.</summary>
    private static int ChunkedEnd(ReadOnlySpan<byte> bytes, int at)
    {
        while (at < bytes.Length)
        {
            var line = bytes[at..].IndexOf("\r\n"u8);
            if (line < 0 || !Utf8Parser.TryParse(bytes.Slice(at, line), out int size, out _, 'x'))
            {
                return 0;
            }

            at += line + 2 + size + 2;
            if (size == 0)
            {
                return at <= bytes.Length ? at : 0;
            }
        }

        return 0;
    }

    private static int ContentLength(ReadOnlySpan<byte> head)
    {
        var at = head.IndexOf("ontent-"u8);
        while (at >= 0)
        {
            var rest = head[(at + 7)..];
            if (rest.Length > 8 && (rest[0] | 0x20) == 'l' && rest[1..].StartsWith("ength: "u8))
            {
                return Utf8Parser.TryParse(rest[8..], out int length, out _) ? length : -1;
            }

            var next = rest.IndexOf("ontent-"u8);
            at = next < 0 ? -1 : at + 7 + next;
        }

        return -1;
    }
}
