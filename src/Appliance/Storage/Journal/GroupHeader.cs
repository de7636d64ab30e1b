using System.Buffers.Binary;

namespace Jesus.Appliance.Storage.Journal;

/// <summary>
/// What stands before the records that shared one fsync, 64 bytes, little-endian:
/// <code>
///  0 magic FF 4A 47 FE (no UTF-8 payload contains it)   4 bytes of records u32   8 group number i64
/// 16 first position i64   24 record count u32   28 CRC32C u32 of the rest (0..28 and 32..64)
/// 32 SHA-256 of the group before, header included
/// </code>
/// </summary>
internal readonly record struct GroupHeader(int RecordBytes, long Number, long FirstPosition, int Count, Sha256Link Previous)
{
    public const int Bytes = 64;

    /// <summary>No group is larger: bounds what a damaged length can ask for.</summary>
    public const int RecordBytesMax = 64 << 20;

    public static ReadOnlySpan<byte> Magic => [0xFF, (byte)'J', (byte)'G', 0xFE];

    public void Write(Span<byte> to)
    {
        Magic.CopyTo(to);
        BinaryPrimitives.WriteInt32LittleEndian(to[4..], RecordBytes);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], Number);
        BinaryPrimitives.WriteInt64LittleEndian(to[16..], FirstPosition);
        BinaryPrimitives.WriteInt32LittleEndian(to[24..], Count);
        Previous.Write(to[32..]);
        BinaryPrimitives.WriteUInt32LittleEndian(to[28..], Crc32C.Of(to[..28], to[32..Bytes]));
    }

    /// <returns>Null when it is a whole header; else what is wrong.</returns>
    public static string? Parse(ReadOnlySpan<byte> from, out GroupHeader header)
    {
        header = default;
        if (from.Length < Bytes || !from.StartsWith(Magic))
        {
            return "no group header";
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(from[28..]) != Crc32C.Of(from[..28], from[32..Bytes]))
        {
            return "the group header's checksum is wrong";
        }

        header = new GroupHeader(
            BinaryPrimitives.ReadInt32LittleEndian(from[4..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[16..]),
            BinaryPrimitives.ReadInt32LittleEndian(from[24..]),
            Sha256Link.Read(from[32..]));
        return header.RecordBytes is > 0 and <= RecordBytesMax && header.Count > 0 ? null : "the group header's sizes are impossible";
    }
}
