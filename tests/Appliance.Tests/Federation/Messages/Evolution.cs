using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Tests.Federation.Messages;

/// <summary>A version-tolerant object as an older or a newer version of its type would have written it.</summary>
internal static class Evolution
{
    /// <summary>With members behind the last one that are not known here.</summary>
    public static byte[] Newer(ReadOnlySpan<byte> bytes, int extraMembers, int extraBytes)
    {
        var (lengths, body) = Split(bytes);
        for (var i = 0; i < extraMembers; i++)
        {
            lengths.Add(extraBytes);
        }

        return Join(lengths, [.. body, .. Enumerable.Repeat((byte)0xA5, extraMembers * extraBytes)]);
    }

    /// <summary>With the first members only.</summary>
    public static byte[] Older(ReadOnlySpan<byte> bytes, int members)
    {
        var (lengths, body) = Split(bytes);
        return Join(lengths[..members], body[..lengths[..members].Sum()]);
    }

    /// <summary>With the later members at their defaults, which take no bytes.</summary>
    public static byte[] WithDefaults(ReadOnlySpan<byte> bytes, int members)
    {
        var (lengths, body) = Split(bytes);
        var kept = lengths[..members].Sum();
        return Join([.. lengths[..members], .. Enumerable.Repeat(0, lengths.Count - members)], body[..kept]);
    }

    private static (List<int> Lengths, byte[] Body) Split(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var members = reader.Read<byte>("members");
        var lengths = new List<int>();
        for (var i = 0; i < members; i++)
        {
            lengths.Add(reader.ReadVarInt("length"));
        }

        return (lengths, bytes[reader.Position..].ToArray());
    }

    private static byte[] Join(List<int> lengths, byte[] body)
    {
        using var buffer = new PooledBuffer();
        var writer = new WireWriter(buffer);
        writer.Write((byte)lengths.Count);
        foreach (var length in lengths)
        {
            writer.WriteVarInt(length);
        }

        writer.WriteRaw(body);
        Assert.True(writer.Complete());
        return buffer.Span.ToArray();
    }
}
