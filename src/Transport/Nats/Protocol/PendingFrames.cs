using System.Buffers.Text;

namespace Jesus.Transport.Nats.Protocol;

/// <summary>Walks frames that we wrote and have not sent.</summary>
internal static class PendingFrames
{
    /// <summary>
    /// After a connection broke: keeps what is still meant for the next one, which is what was published. Subscriptions are made anew from the table, a
    /// PING's answer is no longer awaited, and a request whose asker was told "disconnected" must not be carried out later for nobody.
    /// </summary>
    /// <param name="frames">Whole frames; those kept are moved to the front.</param>
    /// <param name="inbox">Beginning of the reply subjects of our requests.</param>
    /// <returns>Bytes and publishes kept.</returns>
    public static (int Bytes, int Publishes) KeepPublishes(Span<byte> frames, ReadOnlySpan<byte> inbox)
    {
        var kept = 0;
        var publishes = 0;
        for (var at = 0; at < frames.Length;)
        {
            var frame = frames[at..];
            var length = LengthOf(frame, out var reply);
            if (IsPublish(frame) && !(reply.Length > 0 && reply.StartsWith(inbox)))
            {
                frame[..length].CopyTo(frames[kept..]);
                kept += length;
                publishes++;
            }

            at += length;
        }

        return (kept, publishes);
    }

    private static bool IsPublish(ReadOnlySpan<byte> frame) => frame[0] == 'H' || (frame[0] == 'P' && frame[1] == 'U');

    // PUB subject [reply] length, HPUB subject [reply] headers length: the last number is the body's.
    private static int LengthOf(ReadOnlySpan<byte> frame, out ReadOnlySpan<byte> reply)
    {
        reply = default;
        var line = frame[..frame.IndexOf((byte)'\r')];
        if (!IsPublish(frame))
        {
            return line.Length + 2;
        }

        var lengthAt = line.LastIndexOf((byte)' ') + 1;
        _ = Utf8Parser.TryParse(line[lengthAt..], out int body, out _);
        var words = line[(line.IndexOf((byte)' ') + 1)..];
        words = words[(words.IndexOf((byte)' ') + 1)..];
        var numbers = frame[0] == 'H' ? 2 : 1;
        if (words.Count((byte)' ') == numbers)
        {
            reply = words[..words.IndexOf((byte)' ')];
        }

        return line.Length + 2 + body + 2;
    }
}
