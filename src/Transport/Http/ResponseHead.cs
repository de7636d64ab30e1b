using System.Buffers.Text;
using Jesus.Transport.Buffers;

namespace Jesus.Transport.Http;

/// <summary>Status and header fields of a response (RFC 9112, sections 4 and 5), kept as one copy of its bytes.</summary>
internal sealed class ResponseHead(int headersMax) : IDisposable
{
    private readonly PooledBuffer _bytes = new(2048);
    private readonly (Range Name, Range Value)[] _fields = new (Range, Range)[headersMax];
    private int _count;

    public int Status { get; private set; }
    public bool IsHttp10 { get; private set; }

    /// <summary>Parses a whole head, its blank line included.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public string? Parse(in System.Buffers.ReadOnlySequence<byte> head)
    {
        _bytes.Reset();
        _count = 0;
        foreach (var segment in head)
        {
            _bytes.Write(segment.Span);
        }

        var lineEnd = _bytes.Span.IndexOf((byte)'\n');
        var error = ParseStatus(Trim(_bytes.Span[..lineEnd]));
        return error ?? ParseFields(lineEnd + 1);
    }

    /// <summary>The first field of that name (lower case).</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        for (var i = 0; i < _count; i++)
        {
            if (EqualsIgnoreCase(_bytes.Span[_fields[i].Name], name))
            {
                value = _bytes.Span[_fields[i].Value];
                return true;
            }
        }

        value = default;
        return false;
    }

    /// <summary>Some field of that name has the token in its comma-separated list.</summary>
    public bool Has(ReadOnlySpan<byte> name, ReadOnlySpan<byte> token)
    {
        for (var i = 0; i < _count; i++)
        {
            if (EqualsIgnoreCase(_bytes.Span[_fields[i].Name], name) && ListHas(_bytes.Span[_fields[i].Value], token))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Content-Length: -1 when there is none, -2 when it is no number or fields contradict each other (RFC 9112, section 6.3).</summary>
    public long ContentLength()
    {
        var length = -1L;
        for (var i = 0; i < _count; i++)
        {
            if (!EqualsIgnoreCase(_bytes.Span[_fields[i].Name], "content-length"u8))
            {
                continue;
            }

            var value = _bytes.Span[_fields[i].Value];
            if (!Utf8Parser.TryParse(value, out long parsed, out var used) || used != value.Length || parsed < 0 || (length >= 0 && length != parsed))
            {
                return -2;
            }

            length = parsed;
        }

        return length;
    }

    public void Dispose() => _bytes.Dispose();

    // "HTTP/1.1 200 OK": version, one space, three digits, then whatever reason.
    private string? ParseStatus(ReadOnlySpan<byte> line)
    {
        if (line.Length < 12 || !line.StartsWith("HTTP/1."u8) || line[7] is not ((byte)'0' or (byte)'1') || line[8] != ' ')
        {
            return "its first line is no HTTP/1.x status line";
        }

        IsHttp10 = line[7] == '0';
        if (!Utf8Parser.TryParse(line.Slice(9, 3), out int status, out var used) || used != 3 || status < 100)
        {
            return "its status is no number of three digits";
        }

        Status = status;
        return null;
    }

    private string? ParseFields(int start)
    {
        while (true)
        {
            var end = start + _bytes.Span[start..].IndexOf((byte)'\n');
            var line = Trim(_bytes.Span[start..end]);
            if (line.IsEmpty)
            {
                return null;
            }

            var colon = line.IndexOf((byte)':');
            if (colon <= 0 || line[0] is (byte)' ' or (byte)'\t')
            {
                return "a header line has no name";
            }

            if (_count == headersMax)
            {
                return $"it has more than {headersMax} header fields";
            }

            AddField(start, colon, start + line.Length);
            start = end + 1;
        }
    }

    private void AddField(int start, int colon, int end)
    {
        var from = start + colon + 1;
        while (from < end && _bytes.Span[from] is (byte)' ' or (byte)'\t')
        {
            from++;
        }

        while (end > from && _bytes.Span[end - 1] is (byte)' ' or (byte)'\t')
        {
            end--;
        }

        _fields[_count++] = (start..(start + colon), from..end);
    }

    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> line) => line is [.. var rest, (byte)'\r'] ? rest : line;

    private static bool ListHas(ReadOnlySpan<byte> list, ReadOnlySpan<byte> token)
    {
        foreach (var range in list.Split((byte)','))
        {
            if (EqualsIgnoreCase(list[range].Trim((byte)' '), token))
            {
                return true;
            }
        }

        return false;
    }

    private static bool EqualsIgnoreCase(ReadOnlySpan<byte> value, ReadOnlySpan<byte> lowerCase) =>
        System.Text.Ascii.EqualsIgnoreCase(value, lowerCase);
}
