using System.Buffers.Binary;

namespace Jesus.Transport.Nats.Requests;

/// <summary>A token as 16 hexadecimal digits, eight at a time in one word.</summary>
internal static class ReplyToken
{
    private const ulong Nibbles = 0x0F0F0F0F0F0F0F0F;
    private const ulong Ones = 0x0101010101010101;

    public static void Write(Span<byte> into, long token)
    {
        BinaryPrimitives.WriteUInt64BigEndian(into, Digits((uint)(token >> 32)));
        BinaryPrimitives.WriteUInt64BigEndian(into[8..], Digits((uint)token));
    }

    /// <summary>What is no digit gives some number or other, which is then nobody's token.</summary>
    public static long Read(ReadOnlySpan<byte> digits) =>
        (long)(((ulong)Number(BinaryPrimitives.ReadUInt64BigEndian(digits)) << 32) | Number(BinaryPrimitives.ReadUInt64BigEndian(digits[8..])));

    // Each nibble to a byte of its own, then to its digit: 39 more than a decimal one where it is 10 or above.
    private static ulong Digits(uint value)
    {
        ulong spread = value;
        spread = (spread | (spread << 16)) & 0x0000FFFF0000FFFF;
        spread = (spread | (spread << 8)) & 0x00FF00FF00FF00FF;
        spread = (spread | (spread << 4)) & Nibbles;
        return spread + (Ones * '0') + ((((spread + (Ones * 6)) >> 4) & Ones) * 39);
    }

    // A letter has the bit that no decimal digit has, and its low nibble is 9 less than its worth.
    private static uint Number(ulong digits)
    {
        var spread = (digits & Nibbles) + (((digits >> 6) & Ones) * 9);
        spread &= Nibbles;
        spread = (spread | (spread >> 4)) & 0x00FF00FF00FF00FF;
        spread = (spread | (spread >> 8)) & 0x0000FFFF0000FFFF;
        return (uint)(spread | (spread >> 16));
    }
}
