using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Jesus.Inference.Engine.Gguf;

/// <summary>
/// Little-endian primitives of the header, through one window of the source. Every read is checked against the end of the source before it
/// happens, every length against its limit before anything is allocated for it.
/// </summary>
internal sealed class GgufHeaderReader
{
    /// <summary>A header of 16 MB takes 256 reads; a small one takes one.</summary>
    private const int WindowBytes = 64 * 1024;

    private readonly IByteSource _source;
    private readonly string _file;
    private readonly byte[] _window;
    private long _windowStart;
    private int _windowLength;

    public GgufHeaderReader(IByteSource source, string file)
    {
        _source = source;
        _file = file;
        _window = new byte[(int)Math.Min(WindowBytes, Math.Max(16, source.Length))];
        End = Math.Min(source.Length, GgufLimits.HeaderBytes);
    }

    /// <summary>Bytes from the start of the file.</summary>
    public long Position { get; private set; }

    /// <summary>Where header reading must stop: the end of the file or the header's limit.</summary>
    public long End { get; }
    public long Remaining => End - Position;

    public uint UInt32(string field) => BinaryPrimitives.ReadUInt32LittleEndian(Next(4, field));

    public ulong UInt64(string field) => BinaryPrimitives.ReadUInt64LittleEndian(Next(8, field));

    /// <summary>The bits of a scalar of 1, 2, 4 or 8 bytes.</summary>
    public ulong Scalar(int size, string field)
    {
        var bytes = Next(size, field);
        return size switch
        {
            1 => bytes[0],
            2 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
            4 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            _ => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
        };
    }

    /// <summary>A count that is within its limit and that the rest of the file could hold.</summary>
    public int Count(int limit, int bytesEach, string field)
    {
        var at = Position;
        var count = UInt64(field);
        if (count > (ulong)limit)
        {
            Fail(at, field, $"{count} is above the limit of {limit}.");
        }

        if ((long)count * bytesEach > Remaining)
        {
            Fail(at, field, $"{count} entries of at least {bytesEach} bytes do not fit the {Remaining} bytes that follow.");
        }

        return (int)count;
    }

    /// <summary>The length of a string that follows.</summary>
    public int StringLength(int limit, string field) => Count(limit, 1, field);

    public byte[] Bytes(int length, string field)
    {
        if (length > Remaining)
        {
            Fail(Position, field, $"needs {length} bytes, but {Remaining} follow.");
        }

        var bytes = new byte[length];
        CopyTo(bytes, field);
        return bytes;
    }

    public string Name(int limit, string field)
    {
        var at = Position;
        var bytes = Bytes(StringLength(limit, field), field);
        if (bytes.Length == 0)
        {
            Fail(at, field, "is empty.");
        }

        if (!System.Text.Unicode.Utf8.IsValid(bytes) || bytes.AsSpan().Contains((byte)0))
        {
            Fail(at, field, "is not text (UTF-8 without zero bytes).");
        }

        return Encoding.UTF8.GetString(bytes);
    }

    public void CopyTo(Span<byte> destination, string field)
    {
        while (!destination.IsEmpty)
        {
            var piece = Math.Min(destination.Length, _window.Length);
            Next(piece, field).CopyTo(destination);
            destination = destination[piece..];
        }
    }

    [DoesNotReturn]
    public void Fail(long offset, string field, string problem) => throw new GgufException(_file, offset, field, problem);

    private ReadOnlySpan<byte> Next(int length, string field)
    {
        if (length > Remaining)
        {
            Fail(Position, field, End == _source.Length
                ? $"the file ends here ({_source.Length} bytes); it was cut short or is no model file."
                : $"the header is longer than the limit of {GgufLimits.HeaderBytes} bytes.");
        }

        if (Position + length > _windowStart + _windowLength)
        {
            Refill(length, field);
        }

        var bytes = _window.AsSpan((int)(Position - _windowStart), length);
        Position += length;
        return bytes;
    }

    private void Refill(int length, string field)
    {
        _windowStart = Position;
        _windowLength = _source.Read(Position, _window.AsSpan(0, (int)Math.Min(_window.Length, _source.Length - Position)));
        if (_windowLength < length)
        {
            Fail(Position, field, "the file became shorter while it was read.");
        }
    }
}
