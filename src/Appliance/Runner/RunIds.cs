using System.Security.Cryptography;

namespace Jesus.Appliance.Runner;

/// <summary>
/// Ids of runs: <c>r</c>, ten characters of milliseconds and six of chance, in Crockford's base 32. They sort by age, and two of one millisecond meet
/// once in a thousand million pairs; a submission that meets one draws again.
/// </summary>
internal static class RunIds
{
    private const string Digits = "0123456789abcdefghjkmnpqrstvwxyz";

    public static string New(TimeProvider time)
    {
        Span<byte> chance = stackalloc byte[4];
        RandomNumberGenerator.Fill(chance);
        return string.Create(17, (time.GetUtcNow().ToUnixTimeMilliseconds(), BitConverter.ToUInt32(chance)), static (id, parts) =>
        {
            id[0] = 'r';
            Write(id[1..11], (ulong)parts.Item1);
            Write(id[11..], parts.Item2);
        });
    }

    /// <summary>Whether a text from elsewhere is an id: it becomes part of names.</summary>
    public static bool IsId(string text) => text is { Length: 17 } && text[0] == 'r' && !text.AsSpan(1).ContainsAnyExcept(Allowed);

    private static readonly System.Buffers.SearchValues<char> Allowed = System.Buffers.SearchValues.Create(Digits);

    private static void Write(Span<char> digits, ulong value)
    {
        for (var i = digits.Length - 1; i >= 0; i--, value >>= 5)
        {
            digits[i] = Digits[(int)(value & 31)];
        }
    }
}
