using System.Security.Cryptography;

namespace Jesus.Appliance.Gateway;

/// <summary>Ids that nobody can guess and no two requests share.</summary>
internal static class RequestIds
{
    /// <summary><paramref name="prefix"/> and 24 hex digits (96 random bits).</summary>
    public static string New(string prefix)
    {
        const int Bytes = 12;
        return string.Create(prefix.Length + (2 * Bytes), prefix, static (text, prefix) =>
        {
            Span<byte> bytes = stackalloc byte[Bytes];
            RandomNumberGenerator.Fill(bytes);
            prefix.CopyTo(text);
            _ = Convert.TryToHexStringLower(bytes, text[prefix.Length..], out _);
        });
    }
}
