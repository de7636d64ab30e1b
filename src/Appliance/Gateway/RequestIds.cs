using System.Security.Cryptography;

namespace Jesus.Appliance.Gateway;

/// <summary>Ids that nobody can guess and no two requests share.</summary>
internal static class RequestIds
{
    /// <summary><paramref name="prefix"/> and 24 hex digits (96 random bits).</summary>
    public static string New(string prefix)
    {
        Span<byte> bytes = stackalloc byte[12];
        RandomNumberGenerator.Fill(bytes);
        return string.Concat(prefix, Convert.ToHexStringLower(bytes));
    }
}
