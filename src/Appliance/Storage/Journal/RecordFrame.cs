using System.Buffers.Binary;

namespace Jesus.Appliance.Storage.Journal;

/// <summary>
/// One record in a group, 28 bytes and the payload, little-endian:
/// <code>
///  0 payload length u32   4 CRC32C u32 of the rest (0..4 and 8..end)   8 position i64   16 UTC ticks i64   24 kind u8   25 zeros
/// </code>
/// </summary>
internal readonly record struct RecordFrame(int Length, long Position, long UtcTicks, JournalKind Kind)
{
    public const int HeaderBytes = 28;

    public static void Write(Span<byte> to, long position, JournalKind kind, long utcTicks, ReadOnlySpan<byte> payload)
    {
        BinaryPrimitives.WriteInt32LittleEndian(to, payload.Length);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], position);
        BinaryPrimitives.WriteInt64LittleEndian(to[16..], utcTicks);
        BinaryPrimitives.WriteInt32LittleEndian(to[24..], (int)kind);
        payload.CopyTo(to[HeaderBytes..]);
        BinaryPrimitives.WriteUInt32LittleEndian(to[4..], Crc32C.Of(to[..4], to[8..(HeaderBytes + payload.Length)]));
    }

    /// <summary>Reads the header of a frame whose checksum was verified (<see cref="Check"/>).</summary>
    public static RecordFrame Read(ReadOnlySpan<byte> from) => new(
        BinaryPrimitives.ReadInt32LittleEndian(from),
        BinaryPrimitives.ReadInt64LittleEndian(from[8..]),
        BinaryPrimitives.ReadInt64LittleEndian(from[16..]),
        (JournalKind)from[24]);

    /// <summary>Checks that the bytes are exactly the records that a header promises.</summary>
    /// <returns>Null when they are; else what is wrong, with the offset in <paramref name="records"/>.</returns>
    public static (string What, int Offset)? Check(ReadOnlySpan<byte> records, in GroupHeader header)
    {
        var offset = 0;
        for (var i = 0; i < header.Count; i++)
        {
            var rest = records[offset..];
            if (rest.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(rest) > rest.Length - HeaderBytes)
            {
                return ("a record's length is impossible", offset);
            }

            var frame = Read(rest);
            if (BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]) != Crc32C.Of(rest[..4], rest[8..(HeaderBytes + frame.Length)]))
            {
                return ("a record's checksum is wrong", offset);
            }

            if (frame.Position != header.FirstPosition + i)
            {
                return ("a record is out of order", offset);
            }

            offset += HeaderBytes + frame.Length;
        }

        return offset == records.Length ? null : ("bytes follow the group's last record", offset);
    }
}
