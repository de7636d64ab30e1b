using System.Buffers.Binary;
using System.Globalization;

namespace Jesus.Appliance.Storage.Journal;

/// <summary>
/// The first 64 bytes of a segment file, little-endian:
/// <code>
///  0 magic "JESUSLOG"     8 format version u32   12 CRC32C u32 of the rest (0..12 and 16..64)
/// 16 first position i64  24 first group i64      32 SHA-256 of the group before (zeros in the first segment)
/// </code>
/// </summary>
internal readonly record struct SegmentHeader(long FirstPosition, long FirstGroup, Sha256Link Previous)
{
    public const int Bytes = 64;
    public const uint Version = 1;
    private const string Suffix = ".log";

    private static ReadOnlySpan<byte> Magic => "JESUSLOG"u8;

    /// <summary>File name of the segment that begins at a position: 20 digits, so that names sort as positions do.</summary>
    public static string FileName(long firstPosition) => firstPosition.ToString("D20", CultureInfo.InvariantCulture) + Suffix;

    public static bool TryParseFileName(string name, out long firstPosition)
    {
        firstPosition = 0;
        return name.Length == 20 + Suffix.Length && name.EndsWith(Suffix, StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(0, 20), NumberStyles.None, CultureInfo.InvariantCulture, out firstPosition);
    }

    public void Write(Span<byte> to)
    {
        Magic.CopyTo(to);
        BinaryPrimitives.WriteUInt32LittleEndian(to[8..], Version);
        BinaryPrimitives.WriteInt64LittleEndian(to[16..], FirstPosition);
        BinaryPrimitives.WriteInt64LittleEndian(to[24..], FirstGroup);
        Previous.Write(to[32..]);
        BinaryPrimitives.WriteUInt32LittleEndian(to[12..], Crc32C.Of(to[..12], to[16..Bytes]));
    }

    /// <returns>Null when it is a header of this version; else what is wrong.</returns>
    public static string? Parse(ReadOnlySpan<byte> from, out SegmentHeader header)
    {
        header = default;
        if (from.Length < Bytes || !from.StartsWith(Magic))
        {
            return "no segment header";
        }

        var version = BinaryPrimitives.ReadUInt32LittleEndian(from[8..]);
        if (BinaryPrimitives.ReadUInt32LittleEndian(from[12..]) != Crc32C.Of(from[..12], from[16..Bytes]))
        {
            return "the segment header's checksum is wrong";
        }

        header = new SegmentHeader(BinaryPrimitives.ReadInt64LittleEndian(from[16..]), BinaryPrimitives.ReadInt64LittleEndian(from[24..]), Sha256Link.Read(from[32..]));
        return version == Version ? null : $"format version {version}, this program reads {Version}";
    }
}
