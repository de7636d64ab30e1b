namespace Jesus.Transport.Http;

public enum BodyKind : byte
{
    Length,
    Chunked,

    /// <summary>Until the peer closes.</summary>
    Close,
}

/// <summary>A piece of body inside the bytes that were read: <paramref name="Used"/> bytes are done with, the data lies at their end.</summary>
internal readonly record struct BodyPiece(int Used, int DataLength);

/// <summary>
/// Finds the body in the bytes of a connection (RFC 9112, sections 6 and 7.1), whatever pieces they come in. Pure; one response at a time.
/// </summary>
internal struct BodyFraming
{
    /// <summary>Longest chunk-size line and trailer section: generous for extensions that nobody uses, short for an attacker.</summary>
    private const int LineBytesMax = 4 * 1024;

    private BodyKind _kind;
    private ChunkState _state;
    private long _left;
    private int _lineBytes;
    private bool _digitSeen;

    public bool IsDone { get; private set; }

    /// <summary>What breaks the grammar, or null.</summary>
    public string? Error { get; private set; }

    public readonly bool EndsWithConnection => _kind == BodyKind.Close;

    public static BodyFraming Of(BodyKind kind, long length) => new()
    {
        _kind = kind,
        _left = kind == BodyKind.Length ? length : 0,
        IsDone = kind == BodyKind.Length && length == 0,
    };

    /// <summary>Takes bytes up to the end of the next data, or all of them when they hold none.</summary>
    public BodyPiece Next(ReadOnlySpan<byte> bytes)
    {
        if (_kind == BodyKind.Close)
        {
            return new BodyPiece(bytes.Length, bytes.Length);
        }

        return _kind == BodyKind.Length ? TakeData(0, bytes.Length) : NextChunked(bytes);
    }

    private BodyPiece TakeData(int skipped, int available)
    {
        var length = (int)Math.Min(_left, available);
        _left -= length;
        IsDone = _kind == BodyKind.Length && _left == 0;
        return new BodyPiece(skipped + length, length);
    }

    private BodyPiece NextChunked(ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            if (_state == ChunkState.Data)
            {
                var piece = TakeData(i, bytes.Length - i);
                _state = _left == 0 ? ChunkState.DataCr : _state;
                return piece;
            }

            Step(bytes[i]);
            if (IsDone || Error is not null)
            {
                return new BodyPiece(i + 1, 0);
            }
        }

        return new BodyPiece(bytes.Length, 0);
    }

    private void Step(byte value)
    {
        switch (_state)
        {
            case ChunkState.Size:
                StepSize(value);
                break;
            case ChunkState.Extension:
                Count();
                _state = value == '\n' ? AfterSize() : ChunkState.Extension;
                break;
            case ChunkState.DataCr:
                Expect(value, (byte)'\r', ChunkState.DataLf);
                break;
            case ChunkState.DataLf:
                Expect(value, (byte)'\n', ChunkState.Size);
                _digitSeen = false;
                _left = 0;
                break;
            default:
                StepTrailer(value);
                break;
        }
    }

    private void StepSize(byte value)
    {
        var digit = HexDigit(value);
        if (digit >= 0)
        {
            _digitSeen = true;
            Error = _left > long.MaxValue >> 8 ? "a chunk is larger than any body" : Error;
            _left = (_left << 4) | (uint)digit;
            return;
        }

        Error = _digitSeen && value is (byte)'\r' or (byte)'\n' or (byte)';' or (byte)' ' or (byte)'\t' ? Error : "a chunk's size is no hexadecimal number";
        _lineBytes = 0;
        _state = value == '\n' ? AfterSize() : ChunkState.Extension;
    }

    private ChunkState AfterSize()
    {
        _lineBytes = 0;
        return _left == 0 ? ChunkState.TrailerStart : ChunkState.Data;
    }

    // Trailer fields are dropped; an empty line ends the body.
    private void StepTrailer(byte value)
    {
        Count();
        if (value == '\n')
        {
            IsDone = _state == ChunkState.TrailerStart;
            _state = ChunkState.TrailerStart;
        }
        else if (value != '\r')
        {
            _state = ChunkState.Trailer;
        }
    }

    private void Count() => Error = ++_lineBytes > LineBytesMax ? "a chunk's extension or the trailer is longer than 4 KiB" : Error;

    private void Expect(byte value, byte wanted, ChunkState next)
    {
        Error = value == wanted ? Error : "a chunk's data is not followed by a line end";
        _state = next;
    }

    private static int HexDigit(byte value) => value switch
    {
        >= (byte)'0' and <= (byte)'9' => value - '0',
        >= (byte)'a' and <= (byte)'f' => value - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => value - 'A' + 10,
        _ => -1,
    };

    private enum ChunkState : byte
    {
        Size,
        Extension,
        Data,
        DataCr,
        DataLf,
        TrailerStart,
        Trailer,
    }
}
