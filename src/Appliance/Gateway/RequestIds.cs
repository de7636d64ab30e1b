using System.Security.Cryptography;

namespace Jesus.Appliance.Gateway;

/// <summary>Ids that nobody can guess and no two requests share.</summary>
internal static class RequestIds
{
    private const int Bytes = 12;

    /// <summary>Ids' worth of chance taken from the system at once: asking costs about a microsecond, however little is asked for.</summary>
    private const int Ahead = 32;

    [ThreadStatic]
    private static byte[]? _chance;

    [ThreadStatic]
    private static int _left;

    /// <summary><paramref name="prefix"/> and 24 hex digits (96 random bits).</summary>
    public static string New(string prefix) => string.Create(prefix.Length + (2 * Bytes), prefix, static (text, prefix) =>
    {
        prefix.CopyTo(text);
        var bytes = Take();
        _ = Convert.TryToHexStringLower(bytes, text[prefix.Length..], out _);

        // An id is said once, and its source does not remember it.
        bytes.Clear();
    });

    private static Span<byte> Take()
    {
        var chance = _chance ??= new byte[Ahead * Bytes];
        if (_left == 0)
        {
            RandomNumberGenerator.Fill(chance);
            _left = Ahead;
        }

        return chance.AsSpan(--_left * Bytes, Bytes);
    }
}
