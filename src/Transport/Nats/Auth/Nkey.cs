using System.Security.Cryptography;

namespace Jesus.Transport.Nats.Auth;

/// <summary>
/// A NATS user's key. Its text is base32 (RFC 4648, no padding) of prefix, key and CRC-16 (XMODEM, little endian). A seed's prefix is two bytes: 10010 and the five
/// bits of what it is a seed of, here a user (10100).
/// </summary>
internal static class Nkey
{
    private const int SeedPrefix = 18 << 3;
    private const int UserPrefix = 20 << 3;
    private const int EncodedSeedBytes = 2 + Ed25519.SeedBytes + 2;
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>The 32 bytes of a user's seed, or null and what is wrong; the words never hold the seed.</summary>
    public static (byte[]? Seed, string? Error) ReadSeed(string text)
    {
        var raw = Decode(text.Trim());
        if (raw is not { Length: EncodedSeedBytes } || Crc(raw.AsSpan(0, raw.Length - 2)) != (raw[^2] | (raw[^1] << 8)))
        {
            return (null, "the nkey seed is not 58 characters of base32 with a right checksum");
        }

        var kind = ((raw[0] & 7) << 5) | (raw[1] >> 3);
        var seed = raw[2..^2];
        CryptographicOperations.ZeroMemory(raw.AsSpan(2));
        return (raw[0] & 0xF8) == SeedPrefix && kind == UserPrefix ? (seed, null) : (null, "the nkey seed is not a user's: it begins with SU");
    }

    /// <summary>The public key as the server knows it: <c>U...</c>.</summary>
    public static string PublicText(ReadOnlySpan<byte> seed)
    {
        Span<byte> raw = stackalloc byte[1 + 32 + 2];
        raw[0] = UserPrefix;
        Ed25519.PublicKey(seed).CopyTo(raw[1..]);
        var crc = Crc(raw[..33]);
        raw[33] = (byte)crc;
        raw[34] = (byte)(crc >> 8);
        return Encode(raw);
    }

    /// <summary>The server's nonce signed, as CONNECT carries it: base64url without padding.</summary>
    public static string Sign(ReadOnlySpan<byte> seed, string nonce)
    {
        var signature = Ed25519.Sign(seed, System.Text.Encoding.UTF8.GetBytes(nonce));
        return Convert.ToBase64String(signature).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }

    internal static string Encode(ReadOnlySpan<byte> bytes)
    {
        var text = new char[((bytes.Length * 8) + 4) / 5];
        for (var i = 0; i < text.Length; i++)
        {
            var value = 0;
            for (var bit = 5 * i; bit < (5 * i) + 5; bit++)
            {
                value = (value << 1) | (bit >> 3 < bytes.Length ? (bytes[bit >> 3] >> (7 - (bit & 7))) & 1 : 0);
            }

            text[i] = Alphabet[value];
        }

        return new string(text);
    }

    private static byte[]? Decode(string text)
    {
        var bytes = new byte[text.Length * 5 / 8];
        for (var i = 0; i < text.Length; i++)
        {
            var value = Alphabet.IndexOf(text[i], StringComparison.Ordinal);
            if (value < 0)
            {
                return null;
            }

            for (var bit = 0; bit < 5; bit++)
            {
                var at = (5 * i) + bit;
                if (at >> 3 < bytes.Length)
                {
                    bytes[at >> 3] |= (byte)(((value >> (4 - bit)) & 1) << (7 - (at & 7)));
                }
            }
        }

        return bytes;
    }

    private static int Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = 0;
        foreach (var value in bytes)
        {
            crc ^= value << 8;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 0x8000) != 0 ? ((crc << 1) ^ 0x1021) & 0xFFFF : (crc << 1) & 0xFFFF;
            }
        }

        return crc;
    }
}
