using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Jesus.Transport.Nats.Protocol;

/// <summary>
/// Reads one control line of the NATS client protocol. Pure: the same bytes give the same frame, however they were cut. Grammar (server to client):
/// <c>MSG subject sid [reply] length</c>, <c>HMSG subject sid [reply] headers length</c>, <c>PING</c>, <c>PONG</c>, <c>+OK</c>, <c>-ERR 'words'</c>, <c>INFO json</c>; each
/// ends with CR LF.
/// </summary>
internal static class NatsParser
{
    /// <summary>A body longer than this is no message but nonsense.</summary>
    private const int BodyBytesMax = 1 << 30;

    private const uint MsgVerb = 'M' | ('S' << 8) | ('G' << 16) | (' ' << 24);
    private const uint HmsgVerb = 'H' | ('M' << 8) | ('S' << 16) | ('G' << 24);

    /// <summary>The frame that begins at the first of <paramref name="bytes"/>; the verb says whether its line is whole.</summary>
    public static NatsVerb Read(ReadOnlySpan<byte> bytes, out NatsFrame frame)
    {
        frame = default;
        if (bytes.Length < 4)
        {
            return NatsVerb.None;
        }

        var verb = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        frame.Verb = verb switch
        {
            MsgVerb => ReadMessage(bytes, 4, headers: false, ref frame),
            HmsgVerb when bytes.Length == 4 || bytes[4] == ' ' => ReadMessage(bytes, 5, headers: true, ref frame),
            _ => ReadOther(bytes, ref frame),
        };
        return frame.Verb;
    }

    private static NatsVerb ReadMessage(ReadOnlySpan<byte> bytes, int at, bool headers, ref NatsFrame frame)
    {
        var marks = new Separators(bytes);
        marks.Skip();
        var subjectEnd = marks.Next();
        var sidEnd = marks.Next();
        var thirdEnd = marks.Next();
        if (thirdEnd < 0)
        {
            return Unfinished(bytes, NatsLimits.LineBytesMax);
        }

        frame.SubjectAt = at;
        frame.SubjectLength = subjectEnd - at;
        var wrong = bytes[subjectEnd] != ' ' || bytes[sidEnd] != ' ' || subjectEnd == at;
        wrong |= !TryNumber(bytes[(subjectEnd + 1)..sidEnd], out frame.Sid);

        // One number remains, or two with headers; a token more is the reply's subject.
        var numberAt = sidEnd + 1;
        var numberEnd = thirdEnd;
        var more = bytes[thirdEnd] == ' ' ? marks.Next() : int.MinValue;
        if (headers && more != int.MinValue)
        {
            if (more < 0)
            {
                return Unfinished(bytes, NatsLimits.LineBytesMax);
            }

            var last = bytes[more] == ' ' ? marks.Next() : int.MinValue;
            if (last == -1)
            {
                return Unfinished(bytes, NatsLimits.LineBytesMax);
            }

            if (last >= 0)
            {
                SetReply(ref frame, numberAt, numberEnd);
                (numberAt, numberEnd, more) = (numberEnd + 1, more, last);
            }

            wrong |= !TryNumber(bytes[numberAt..numberEnd], out var headersLength) || headersLength is 0 or > BodyBytesMax;
            frame.HeadersLength = (int)headersLength;
            (numberAt, numberEnd) = (numberEnd + 1, more);
        }
        else if (more != int.MinValue)
        {
            if (more < 0)
            {
                return Unfinished(bytes, NatsLimits.LineBytesMax);
            }

            SetReply(ref frame, numberAt, numberEnd);
            (numberAt, numberEnd) = (numberEnd + 1, more);
        }
        else
        {
            wrong |= headers;
        }

        if (numberEnd + 1 >= bytes.Length)
        {
            return Unfinished(bytes, NatsLimits.LineBytesMax);
        }

        wrong |= !TryNumber(bytes[numberAt..numberEnd], out var length) || length > BodyBytesMax || length < frame.HeadersLength;
        wrong |= bytes[numberEnd] != '\r' || bytes[numberEnd + 1] != '\n' || numberEnd > NatsLimits.LineBytesMax;
        frame.BodyLength = (int)length;
        frame.LineLength = numberEnd + 2;
        return wrong ? NatsVerb.Malformed : NatsVerb.Msg;
    }

    private static void SetReply(ref NatsFrame frame, int at, int end)
    {
        frame.ReplyAt = at;
        frame.ReplyLength = end - at;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static NatsVerb ReadOther(ReadOnlySpan<byte> bytes, ref NatsFrame frame)
    {
        var info = bytes.StartsWith("INFO"u8);
        var end = bytes.IndexOf((byte)'\n');
        if (end < 0)
        {
            return IsBeginning(bytes) ? Unfinished(bytes, info ? NatsLimits.InfoBytesMax : NatsLimits.LineBytesMax) : NatsVerb.Malformed;
        }

        if (end == 0 || bytes[end - 1] != '\r' || end > (info ? NatsLimits.InfoBytesMax : NatsLimits.LineBytesMax))
        {
            return NatsVerb.Malformed;
        }

        frame.LineLength = end + 1;
        frame.TextAt = 5;
        var line = bytes[..(end - 1)];
        return line switch
        {
            _ when line.SequenceEqual("PING"u8) => NatsVerb.Ping,
            _ when line.SequenceEqual("PONG"u8) => NatsVerb.Pong,
            _ when line.SequenceEqual("+OK"u8) => NatsVerb.Ok,
            _ when line.StartsWith("-ERR "u8) => NatsVerb.Err,
            _ when line.StartsWith("INFO "u8) => NatsVerb.Info,
            _ => NatsVerb.Malformed,
        };
    }

    private static bool IsBeginning(ReadOnlySpan<byte> bytes)
    {
        var verb = bytes[..4];
        return verb.SequenceEqual("PING"u8) || verb.SequenceEqual("PONG"u8) || verb.SequenceEqual("INFO"u8) || verb.SequenceEqual("-ERR"u8) || verb.SequenceEqual("+OK\r"u8);
    }

    // A line that may grow for ever is one that an attacker fills memory with.
    private static NatsVerb Unfinished(ReadOnlySpan<byte> bytes, int max) => bytes.Length > max ? NatsVerb.Malformed : NatsVerb.None;

    private static bool TryNumber(ReadOnlySpan<byte> digits, out long number)
    {
        number = 0;
        foreach (var digit in digits)
        {
            var value = (uint)(digit - '0');
            if (value > 9)
            {
                return false;
            }

            number = (number * 10) + value;
        }

        return digits.Length is > 0 and <= 18;
    }

    /// <summary>
    /// The places of spaces and carriage returns, in order: of the first 64 bytes at once (vector compares make one word of marks), of a longer line one by one. Other
    /// control characters separate nothing: nats-server passes them on within a subject, so whoever may publish under a wildcard may put them there.
    /// </summary>
    private ref struct Separators
    {
        private readonly ReadOnlySpan<byte> _bytes;
        private ulong _marks;
        private int _from;

        public Separators(ReadOnlySpan<byte> bytes)
        {
            _bytes = bytes;
            if (bytes.Length >= 64 && Vector128.IsHardwareAccelerated)
            {
                // Vectors of 128 bits, which ahead-of-time code has without asking; the wider ones it has not.
                ref var first = ref MemoryMarshal.GetReference(bytes);
                _marks = Marks(ref first) | (Marks(ref Unsafe.Add(ref first, 16)) << 16)
                    | (Marks(ref Unsafe.Add(ref first, 32)) << 32) | (Marks(ref Unsafe.Add(ref first, 48)) << 48);
                _from = 64;
            }
        }

        /// <summary>The one after the verb.</summary>
        public void Skip() => Next();

        /// <summary>The next one's place; -1 where no more has arrived.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int Next()
        {
            if (_marks == 0)
            {
                return NextBeyond();
            }

            var place = BitOperations.TrailingZeroCount(_marks);
            _marks &= _marks - 1;
            return place;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static ulong Marks(ref byte at)
        {
            var bytes = Vector128.LoadUnsafe(ref at);
            return (Vector128.Equals(bytes, Vector128.Create((byte)' ')) | Vector128.Equals(bytes, Vector128.Create((byte)'\r'))).ExtractMostSignificantBits();
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private int NextBeyond()
        {
            if (_from < 0 || _from > _bytes.Length)
            {
                return -1;
            }

            var offset = _bytes[_from..].IndexOfAny((byte)' ', (byte)'\r');
            if (offset < 0)
            {
                _from = -1;
                return -1;
            }

            var place = _from + offset;
            _from = place + 1;
            return place;
        }
    }
}
