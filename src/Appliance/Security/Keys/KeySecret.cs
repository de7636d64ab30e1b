using System.Buffers;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace Jesus.Appliance.Security.Keys;

/// <summary>
/// The form of an API key: <c>jsk_</c>, 43 characters of 256 random bits in base 62, 6 characters of checksum. The checksum tells a mistyped or cut key from an
/// unknown one without asking the store, and lets scanners find leaked keys without false alarms.
/// </summary>
public static class KeySecret
{
    public const string Prefix = "jsk_";

    /// <summary>62^43 is just above 2^256.</summary>
    private const int BodyLength = 43;
    private const int ChecksumLength = 6;
    public const int Length = 4 + BodyLength + ChecksumLength;
    private const string Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    private static readonly SearchValues<char> DigitSet = SearchValues.Create(Digits);

    /// <summary>A new key; the only copy of it.</summary>
    public static string Create()
    {
        Span<byte> random = stackalloc byte[32];
        RandomNumberGenerator.Fill(random);
        Span<char> text = stackalloc char[Length];
        Prefix.CopyTo(text);
        WriteDigits(new BigInteger(random, isUnsigned: true), text.Slice(Prefix.Length, BodyLength));
        WriteDigits(Checksum(text[..^ChecksumLength]), text[^ChecksumLength..]);
        CryptographicOperations.ZeroMemory(random);
        return new string(text);
    }

    /// <summary>Whether it has the form and the right checksum; says nothing about whether it exists.</summary>
    public static bool IsWellFormed(ReadOnlySpan<char> text)
    {
        if (text.Length != Length || !text.StartsWith(Prefix, StringComparison.Ordinal) || text[Prefix.Length..].ContainsAnyExcept(DigitSet))
        {
            return false;
        }

        Span<char> checksum = stackalloc char[ChecksumLength];
        WriteDigits(Checksum(text[..^ChecksumLength]), checksum);
        return checksum.SequenceEqual(text[^ChecksumLength..]);
    }

    /// <summary>What is stored. One hash without salt is right here: the secret has 256 random bits, no dictionary holds it.</summary>
    internal static byte[] Hash(ReadOnlySpan<char> text)
    {
        Span<byte> utf8 = stackalloc byte[Length];
        Encoding.ASCII.GetBytes(text, utf8);
        var hash = SHA256.HashData(utf8);
        CryptographicOperations.ZeroMemory(utf8);
        return hash;
    }

    /// <summary>CRC-32 (IEEE 802.3, as in GitHub's tokens) of the characters.</summary>
    private static BigInteger Checksum(ReadOnlySpan<char> text)
    {
        var crc = uint.MaxValue;
        foreach (var c in text)
        {
            crc ^= (byte)c;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
            }
        }

        return ~crc;
    }

    private static void WriteDigits(BigInteger value, Span<char> to)
    {
        for (var i = to.Length - 1; i >= 0; i--)
        {
            value = BigInteger.DivRem(value, Digits.Length, out var digit);
            to[i] = Digits[(int)digit];
        }
    }
}
