namespace Jesus.Transport.Nats.Requests;

/// <summary>
/// A token as 11 digits of 6 bits, the highest first, in RFC 4648's alphabet for URLs (section 5), all of which a subject may hold. It goes over the wire four times a
/// request, so its length counts: hexadecimal digits would be 16, and with those of the inbox push a question's line beyond the 64 bytes that the parser looks at in one go.
/// </summary>
internal static class ReplyToken
{
    public const int Bytes = 11;

    private const int DigitBits = 6;
    private const int DigitMask = (1 << DigitBits) - 1;

    private static readonly byte[] Values = MakeValues();

    private static ReadOnlySpan<byte> Digits => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"u8;

    public static void Write(Span<byte> into, long token)
    {
        var rest = (ulong)token;
        into = into[..Bytes];
        for (var i = Bytes - 1; i >= 0; i--)
        {
            into[i] = Digits[(int)(rest & DigitMask)];
            rest >>= DigitBits;
        }
    }

    /// <summary>What is no digit gives some number or other, which is then nobody's token.</summary>
    public static long Read(ReadOnlySpan<byte> digits)
    {
        var values = Values;
        var token = 0UL;
        foreach (var digit in digits[..Bytes])
        {
            token = (token << DigitBits) | values[digit];
        }

        return (long)token;
    }

    public static string ToString(ulong token)
    {
        Span<byte> digits = stackalloc byte[Bytes];
        Write(digits, (long)token);
        return System.Text.Encoding.ASCII.GetString(digits);
    }

    private static byte[] MakeValues()
    {
        var values = new byte[byte.MaxValue + 1];
        for (var i = 0; i < Digits.Length; i++)
        {
            values[Digits[i]] = (byte)i;
        }

        return values;
    }
}
