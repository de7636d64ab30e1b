using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>
/// Members of version-tolerant objects. A member at its default is written with no bytes, which readers take as the default: most members of most messages are,
/// so that an object costs a byte for each of them.
/// </summary>
internal static class WireValues
{
    /// <summary>Ends a member after writing it unless it is 0.</summary>
    public static void Member(this ref WireWriter writer, ref TolerantWrite scope, int value)
    {
        if (value != 0)
        {
            writer.Write(value);
        }

        writer.EndMember(ref scope);
    }

    public static void Member(this ref WireWriter writer, ref TolerantWrite scope, long value)
    {
        if (value != 0)
        {
            writer.Write(value);
        }

        writer.EndMember(ref scope);
    }

    public static void Member(this ref WireWriter writer, ref TolerantWrite scope, ulong value) => writer.Member(ref scope, (long)value);

    public static void Member(this ref WireWriter writer, ref TolerantWrite scope, byte value)
    {
        if (value != 0)
        {
            writer.Write(value);
        }

        writer.EndMember(ref scope);
    }

    public static void Member(this ref WireWriter writer, ref TolerantWrite scope, bool value) => writer.Member(ref scope, value ? (byte)1 : (byte)0);

    public static void Member(this ref WireWriter writer, ref TolerantWrite scope, float value)
    {
        if (value != 0)
        {
            writer.Write(value);
        }

        writer.EndMember(ref scope);
    }

    public static void Member(this ref WireWriter writer, ref TolerantWrite scope, double value)
    {
        if (value != 0)
        {
            writer.Write(value);
        }

        writer.EndMember(ref scope);
    }

    public static void Member(this ref WireWriter writer, ref TolerantWrite scope, Utf8Slice text)
    {
        if (!text.IsEmpty)
        {
            writer.WriteUtf8(text.Span);
        }

        writer.EndMember(ref scope);
    }

    public static void Member(this ref WireWriter writer, ref TolerantWrite scope, ReadOnlyMemory<byte> utf8)
    {
        if (!utf8.IsEmpty)
        {
            writer.WriteUtf8(utf8.Span);
        }

        writer.EndMember(ref scope);
    }

    /// <summary>A list of texts.</summary>
    public static void Member(this ref WireWriter writer, ref TolerantWrite scope, List<Utf8Slice> texts)
    {
        if (texts.Count > 0)
        {
            writer.WriteCount(texts.Count);
            foreach (var text in texts)
            {
                writer.WriteUtf8(text.Span);
            }
        }

        writer.EndMember(ref scope);
    }

    /// <summary>A list of numbers.</summary>
    public static void Numbers<T>(this ref WireWriter writer, ref TolerantWrite scope, ReadOnlySpan<T> numbers)
        where T : unmanaged
    {
        if (!numbers.IsEmpty)
        {
            writer.WriteArray(numbers);
        }

        writer.EndMember(ref scope);
    }

    /// <summary>A list of texts, of which at least the length of each is there.</summary>
    public static void ReadTexts(this ref WireReader reader, string field, List<Utf8Slice> into, int countMax)
    {
        var count = reader.ReadCount(field, sizeof(int), countMax);
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            into.Add(reader.ReadText(field));
        }
    }

    /// <summary>A number; 0, and the reader has failed, when it is below <paramref name="min"/> or above <paramref name="max"/>.</summary>
    public static int ReadInt(this ref WireReader reader, string field, int min = 0, int max = int.MaxValue)
    {
        var at = reader.Position;
        var value = reader.Read<int>(field);
        if (value < min || value > max)
        {
            reader.Fail(WireFault.OutOfRange, field, at, value);
            return 0;
        }

        return value;
    }

    public static long ReadLong(this ref WireReader reader, string field, long min = 0)
    {
        var at = reader.Position;
        var value = reader.Read<long>(field);
        if (value < min)
        {
            reader.Fail(WireFault.OutOfRange, field, at, value);
            return 0;
        }

        return value;
    }

    /// <summary>A code up to <paramref name="last"/>; a newer peer's further ones are refused, since acting on a guess would be worse.</summary>
    public static byte ReadCode(this ref WireReader reader, string field, byte last)
    {
        var at = reader.Position;
        var value = reader.Read<byte>(field);
        if (value > last)
        {
            reader.Fail(WireFault.OutOfRange, field, at, value);
            return 0;
        }

        return value;
    }

    /// <summary>A number with which can be reckoned: no NaN, no infinity.</summary>
    public static float ReadFinite(this ref WireReader reader, string field, float min = float.MinValue)
    {
        var at = reader.Position;
        var value = reader.Read<float>(field);
        if (!float.IsFinite(value) || value < min)
        {
            reader.Fail(WireFault.OutOfRange, field, at, BitConverter.SingleToInt32Bits(value));
            return 0;
        }

        return value;
    }

    public static double ReadFiniteDouble(this ref WireReader reader, string field, double min = double.MinValue)
    {
        var at = reader.Position;
        var value = reader.Read<double>(field);
        if (!double.IsFinite(value) || value < min)
        {
            reader.Fail(WireFault.OutOfRange, field, at, BitConverter.DoubleToInt64Bits(value));
            return 0;
        }

        return value;
    }
}
