using System.Buffers;

namespace Jesus.Appliance.Security.Redaction;

/// <summary>
/// E-mail addresses of the form that people write: RFC 5321's dot-string without quoting, and a domain of at least two labels. None of these
/// characters needs escaping in JSON, so a restored value is right inside tool arguments too.
/// </summary>
public sealed class EmailDetector : ISensitiveValueDetector
{
    /// <summary>RFC 5321 section 4.5.3.1.</summary>
    private const int LocalBytesMax = 64;
    private const int DomainBytesMax = 255;

    private static readonly SearchValues<byte> LocalBytes = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+-'!#$*=?^`{|}~"u8);
    private static readonly SearchValues<byte> DomainBytes = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"u8);

    public string Kind => "EMAIL";

    public (int Start, int Length) Find(ReadOnlySpan<byte> text, int from)
    {
        for (var at = from; at < text.Length && text[at..].IndexOf((byte)'@') is >= 0 and var found; at += found + 1)
        {
            var sign = at + found;
            var start = LocalStart(text, from, sign);
            var end = DomainEnd(text, sign + 1);
            if (start < sign && end > sign + 1)
            {
                return (start, end - start);
            }
        }

        return (0, 0);
    }

    private static int LocalStart(ReadOnlySpan<byte> text, int from, int sign)
    {
        var before = text[Math.Max(from, sign - LocalBytesMax)..sign];
        var start = sign - before.Length + before.LastIndexOfAnyExcept(LocalBytes) + 1;
        while (start < sign && !char.IsAsciiLetterOrDigit((char)text[start]))
        {
            start++; // quotes and dots before the address belong to the sentence
        }

        return text[sign - 1] == '.' ? sign : start;
    }

    /// <returns>The end of the domain, or <paramref name="from"/> when there is none.</returns>
    private static int DomainEnd(ReadOnlySpan<byte> text, int from)
    {
        var after = text[from..Math.Min(text.Length, from + DomainBytesMax)];
        var length = after.IndexOfAnyExcept(DomainBytes) is >= 0 and var stop ? stop : after.Length;
        while (length > 0 && !char.IsAsciiLetterOrDigit((char)after[length - 1]))
        {
            length--; // the full stop of the sentence
        }

        var dot = after[..length].LastIndexOf((byte)'.');
        return dot > 0 && IsTopLevel(after[(dot + 1)..length]) ? from + length : from;
    }

    /// <summary>Letters, or the ASCII form of an internationalised name (RFC 5890: <c>xn--</c>).</summary>
    private static bool IsTopLevel(ReadOnlySpan<byte> label)
    {
        if (label.StartsWith("xn--"u8))
        {
            return true;
        }

        foreach (var b in label)
        {
            if (!char.IsAsciiLetter((char)b))
            {
                return false;
            }
        }

        return label.Length >= 2;
    }
}
