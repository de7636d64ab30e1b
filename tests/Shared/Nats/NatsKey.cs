using System.Security.Cryptography;
using System.Text;

namespace Jesus.Tests.Nats;

/// <summary>What an nkey is for: the first letter of its public form.</summary>
internal enum NatsKeyKind
{
    Account = 0,
    Operator = 14 << 3,
    User = 20 << 3,
}

/// <summary>
/// An nkey: an Ed25519 key in base32 with a kind and a checksum (github.com/nats-io/nkeys, README "Usage"): a public key is the kind's byte, 32 bytes and
/// a CRC-16; a seed puts the S and the kind into two bytes before them.
/// </summary>
internal sealed class NatsKey
{
    private const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    private const int SeedPrefix = 18 << 3;

    private readonly byte[] _seed;

    public NatsKey(NatsKeyKind kind = NatsKeyKind.User)
        : this(kind, RandomNumberGenerator.GetBytes(32))
    {
    }

    private NatsKey(NatsKeyKind kind, byte[] seed)
    {
        _seed = seed;
        PublicBytes = Ed25519Signer.PublicKey(_seed);
        Public = Encode([(byte)kind, .. PublicBytes]);
        Seed = Encode([(byte)(SeedPrefix | ((int)kind >> 5)), (byte)(((int)kind & 31) << 3), .. _seed]);
    }

    /// <summary>As the server's configuration names it: <c>U…</c>, <c>A…</c> or <c>O…</c>.</summary>
    public string Public { get; }

    /// <summary>As its owner keeps it: <c>SU…</c>.</summary>
    public string Seed { get; }

    public byte[] PublicBytes { get; }

    /// <summary>A user's key from its written seed.</summary>
    public static NatsKey OfSeed(string seed)
    {
        var key = new NatsKey(NatsKeyKind.User, FromBase32(seed.Trim())[2..34]);
        return key.Seed == seed.Trim() ? key : throw new FormatException($"{seed} is no seed of a user; its key would be written {key.Seed}");
    }

    public byte[] Sign(ReadOnlySpan<byte> message) => Ed25519Signer.Sign(_seed, message);

    private static string Encode(ReadOnlySpan<byte> body)
    {
        var crc = Crc16(body);
        return Base32([.. body, (byte)crc, (byte)(crc >> 8)]);
    }

    /// <summary>CRC-16 XMODEM: polynomial 0x1021, starting from 0.</summary>
    private static ushort Crc16(ReadOnlySpan<byte> bytes)
    {
        ushort crc = 0;
        foreach (var b in bytes)
        {
            crc ^= (ushort)(b << 8);
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (ushort)((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
            }
        }

        return crc;
    }

    private static byte[] FromBase32(string text)
    {
        var bytes = new List<byte>();
        var (held, bits) = (0, 0);
        foreach (var letter in text)
        {
            (held, bits) = (((held << 5) | Letters.IndexOf(letter, StringComparison.Ordinal)) & 0xFFFFF, bits + 5);
            if (bits >= 8)
            {
                bytes.Add((byte)(held >> (bits - 8)));
                bits -= 8;
            }
        }

        return [.. bytes];
    }

    /// <summary>RFC 4648, section 6, without padding.</summary>
    internal static string Base32(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        var (held, bits) = (0, 0);
        foreach (var b in bytes)
        {
            (held, bits) = (((held << 8) | b) & 0xFFFFF, bits + 8);
            for (; bits >= 5; bits -= 5)
            {
                text.Append(Letters[(held >> (bits - 5)) & 31]);
            }
        }

        return bits == 0 ? text.ToString() : text.Append(Letters[(held << (5 - bits)) & 31]).ToString();
    }
}
