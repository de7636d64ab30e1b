using System.Buffers.Text;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>What the reply subject of a delivered message says of it.</summary>
/// <param name="StreamSequence">Its place in the stream.</param>
/// <param name="ConsumerSequence">The how-manyeth delivery of this consumer it is, repeats included.</param>
/// <param name="Delivered">The how-manyeth time this message is delivered; 1 at first.</param>
/// <param name="Pending">Messages that match and wait behind it.</param>
public readonly record struct JetStreamMetadata(ulong StreamSequence, ulong ConsumerSequence, int Delivered, ulong Pending, DateTimeOffset At)
{
    /// <summary><c>$JS.ACK.stream.consumer.delivered.streamSeq.consumerSeq.time.pending</c>; newer: two tokens more behind <c>ACK</c>, and one at the end (ADR-15).</summary>
    private const int TokensOld = 9;
    private const int TokensNew = 11;

    private static ReadOnlySpan<byte> Prefix => "$JS.ACK."u8;

    /// <returns>False when the subject is not an acknowledgement's: then the message is none of a stream's.</returns>
    internal static bool TryParse(ReadOnlySpan<byte> reply, out JetStreamMetadata metadata)
    {
        metadata = default;
        if (!reply.StartsWith(Prefix))
        {
            return false;
        }

        Span<Range> tokens = stackalloc Range[TokensNew + 2];
        var count = Split(reply, tokens);
        var at = count == TokensOld ? 4 : count >= TokensNew ? 6 : -1;
        if (at < 0
            || !TryNumber(reply[tokens[at]], out var delivered)
            || !TryNumber(reply[tokens[at + 1]], out var stream)
            || !TryNumber(reply[tokens[at + 2]], out var consumer)
            || !TryNumber(reply[tokens[at + 3]], out var nanoseconds)
            || !TryNumber(reply[tokens[at + 4]], out var pending))
        {
            return false;
        }

        metadata = new JetStreamMetadata(stream, consumer, (int)Math.Min(delivered, int.MaxValue), pending,
            DateTimeOffset.UnixEpoch.AddTicks((long)Math.Min(nanoseconds / 100, long.MaxValue / 4)));
        return true;
    }

    /// <summary>The last range takes whatever more there is.</summary>
    private static int Split(ReadOnlySpan<byte> subject, Span<Range> tokens)
    {
        var count = 0;
        var start = 0;
        while (count < tokens.Length)
        {
            var dot = subject[start..].IndexOf((byte)'.');
            if (dot < 0)
            {
                tokens[count++] = start..subject.Length;
                break;
            }

            tokens[count++] = start..(start + dot);
            start += dot + 1;
        }

        return count;
    }

    private static bool TryNumber(ReadOnlySpan<byte> digits, out ulong number) => Utf8Parser.TryParse(digits, out number, out var used) && used == digits.Length;
}
