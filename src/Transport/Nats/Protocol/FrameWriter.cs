using System.Buffers.Binary;
using System.Buffers.Text;

namespace Jesus.Transport.Nats.Protocol;

/// <summary>Writes what a client says. Each method writes a whole frame or is not called: the caller has made room for the bound.</summary>
internal static class FrameWriter
{
    /// <summary>Two lengths of ten digits, the verb's H, two spaces, two line breaks.</summary>
    private const int FixedBytes = 32;

    /// <summary>More than SUB, UNSUB and their numbers need beside the subjects.</summary>
    public const int ControlBytes = 64;

    public static int PublishBound(int frameStart, int reply, int headers, int payload) => FixedBytes + frameStart + reply + headers + payload;

    /// <summary><c>PUB subject </c> of a subject that is not one of ours.</summary>
    public static int Start(Span<byte> into, ReadOnlySpan<byte> subject)
    {
        "PUB "u8.CopyTo(into);
        subject.CopyTo(into[4..]);
        into[4 + subject.Length] = (byte)' ';
        return subject.Length + 5;
    }

    /// <summary><c>PUB subject [reply] length\r\n[payload]\r\n</c>, or <c>HPUB subject [reply] headers total\r\n[headers][payload]\r\n</c>.</summary>
    /// <param name="frameStart"><c>PUB subject </c>.</param>
    /// <returns>Bytes written.</returns>
    public static int Publish(Span<byte> into, ReadOnlySpan<byte> frameStart, ReadOnlySpan<byte> reply, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> payload)
    {
        var at = 0;
        if (!headers.IsEmpty)
        {
            into[at++] = (byte)'H';
        }

        frameStart.CopyTo(into[at..]);
        at += frameStart.Length;
        if (!reply.IsEmpty)
        {
            reply.CopyTo(into[at..]);
            at += reply.Length;
            into[at++] = (byte)' ';
        }

        if (!headers.IsEmpty)
        {
            at += Number(into[at..], headers.Length);
            into[at++] = (byte)' ';
        }

        at += Number(into[at..], headers.Length + payload.Length);
        at += LineBreak(into[at..]);
        headers.CopyTo(into[at..]);
        at += headers.Length;
        payload.CopyTo(into[at..]);
        at += payload.Length;
        return at + LineBreak(into[at..]);
    }

    /// <summary><c>SUB subject [queue group] sid\r\n</c>.</summary>
    public static int Subscribe(Span<byte> into, ReadOnlySpan<byte> subject, ReadOnlySpan<byte> queueGroup, long sid)
    {
        "SUB "u8.CopyTo(into);
        var at = 4;
        subject.CopyTo(into[at..]);
        at += subject.Length;
        into[at++] = (byte)' ';
        if (!queueGroup.IsEmpty)
        {
            queueGroup.CopyTo(into[at..]);
            at += queueGroup.Length;
            into[at++] = (byte)' ';
        }

        at += Number(into[at..], sid);
        return at + LineBreak(into[at..]);
    }

    /// <summary><c>UNSUB sid [messages]\r\n</c>; 0 messages: at once.</summary>
    public static int Unsubscribe(Span<byte> into, long sid, int messages)
    {
        "UNSUB "u8.CopyTo(into);
        var at = 6 + Number(into[6..], sid);
        if (messages > 0)
        {
            into[at++] = (byte)' ';
            at += Number(into[at..], messages);
        }

        return at + LineBreak(into[at..]);
    }

    private static int Number(Span<byte> into, long value)
    {
        Utf8Formatter.TryFormat(value, into, out var written);
        return written;
    }

    private static int LineBreak(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(into, '\r' | ('\n' << 8));
        return 2;
    }
}
