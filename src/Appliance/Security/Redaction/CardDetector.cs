namespace Jesus.Appliance.Security.Redaction;

/// <summary>Payment card numbers: 13 to 19 digits (ISO/IEC 7812), bare or in groups joined by one blank or hyphen, with a right Luhn digit.</summary>
public sealed class CardDetector : ISensitiveValueDetector
{
    private const int DigitsMin = 13;
    private const int DigitsMax = 19;

    public string Kind => "CARD";

    public (int Start, int Length) Find(ReadOnlySpan<byte> text, int from)
    {
        for (var at = from; at < text.Length;)
        {
            var digit = text[at..].IndexOfAnyInRange((byte)'0', (byte)'9');
            if (digit < 0)
            {
                break;
            }

            var start = at + digit;
            var end = RunEnd(text, start);
            if (IsCard(text[start..end]) && !IsWordByte(text, start - 1) && !IsWordByte(text, end))
            {
                return (start, end - start);
            }

            at = end;
        }

        return (0, 0);
    }

    /// <summary>The end of a run of digits with single separators between them.</summary>
    private static int RunEnd(ReadOnlySpan<byte> text, int start)
    {
        var end = start + 1;
        while (end < text.Length && (IsDigit(text[end]) || (text[end] is (byte)' ' or (byte)'-' && end + 1 < text.Length && IsDigit(text[end + 1]))))
        {
            end++;
        }

        return end;
    }

    /// <summary>The first digit of every card network's range is 2 to 6; ISO/IEC 7812-1 annex B gives the check digit.</summary>
    private static bool IsCard(ReadOnlySpan<byte> run)
    {
        var (sum, digits) = (0, 0);
        for (var i = run.Length - 1; i >= 0; i--)
        {
            if (!IsDigit(run[i]))
            {
                continue;
            }

            var value = run[i] - '0';
            value = digits % 2 == 1 ? value * 2 : value;
            sum += value > 9 ? value - 9 : value;
            digits++;
        }

        return digits is >= DigitsMin and <= DigitsMax && sum % 10 == 0 && run[0] is >= (byte)'2' and <= (byte)'6';
    }

    private static bool IsDigit(byte value) => value is >= (byte)'0' and <= (byte)'9';

    private static bool IsWordByte(ReadOnlySpan<byte> text, int at) =>
        at >= 0 && at < text.Length && (char.IsAsciiLetterOrDigit((char)text[at]) || text[at] == '_');
}
