using System.Buffers.Text;

namespace Jesus.Transport.Nats;

/// <summary>
/// The headers of a message, read in place. Grammar: <c>NATS/1.0[ status[ description]]\r\n(name:value\r\n)*\r\n</c>. Names are compared exactly, as the
/// protocol has it. Valid until the message is disposed.
/// </summary>
public readonly struct NatsHeadersView
{
    private readonly ReadOnlyMemory<byte> _block;

    internal NatsHeadersView(ReadOnlyMemory<byte> block) => _block = block;

    public bool IsEmpty => _block.IsEmpty;

    /// <summary>The whole block.</summary>
    public ReadOnlyMemory<byte> Block => _block;

    /// <summary>An inline status such as 503; 0 where there is none.</summary>
    public int Status
    {
        get
        {
            var line = StatusLine();
            return Utf8Parser.TryParse(line.Span, out int status, out _) && status > 0 ? status : 0;
        }
    }

    /// <summary>The words after the status.</summary>
    public ReadOnlyMemory<byte> Description
    {
        get
        {
            var line = StatusLine();
            var space = line.Span.IndexOf((byte)' ');
            return space < 0 ? default : Trim(line[(space + 1)..]);
        }
    }

    /// <summary>The first field of the name.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out ReadOnlyMemory<byte> value)
    {
        foreach (var field in this)
        {
            if (field.Name.Span.SequenceEqual(name))
            {
                value = field.Value;
                return true;
            }
        }

        value = default;
        return false;
    }

    public Enumerator GetEnumerator() => new(_block);

    internal static ReadOnlyMemory<byte> Trim(ReadOnlyMemory<byte> text) => text.Trim((byte)' ');

    // NATS/1.0 and what follows it on the line.
    private ReadOnlyMemory<byte> StatusLine()
    {
        const int VersionBytes = 8;
        var end = _block.Span.IndexOf((byte)'\r');
        return end <= VersionBytes ? default : Trim(_block[VersionBytes..end]);
    }

    public readonly record struct Field(ReadOnlyMemory<byte> Name, ReadOnlyMemory<byte> Value);

    public struct Enumerator
    {
        private ReadOnlyMemory<byte> _rest;

        internal Enumerator(ReadOnlyMemory<byte> block)
        {
            _rest = block;
            NextLine();
            Current = default;
        }

        public Field Current { get; private set; }

        public bool MoveNext()
        {
            while (NextLine() is { IsEmpty: false } line)
            {
                var colon = line.Span.IndexOf((byte)':');
                if (colon > 0)
                {
                    Current = new Field(line[..colon], Trim(line[(colon + 1)..]));
                    return true;
                }
            }

            return false;
        }

        private ReadOnlyMemory<byte> NextLine()
        {
            var end = _rest.Span.IndexOf((byte)'\n');
            var line = end < 0 ? _rest : _rest[..end];
            _rest = end < 0 ? default : _rest[(end + 1)..];
            return line.TrimEnd((byte)'\r');
        }
    }
}
