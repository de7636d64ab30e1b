using System.Buffers.Binary;
using System.Text;

namespace Jesus.Inference.Engine.Gguf;

/// <summary>One metadata value. Scalars are held as the file's bits; strings and arrays as bytes.</summary>
public readonly struct GgufValue
{
    private readonly ulong _bits;
    private readonly object? _data;

    internal GgufValue(long offset, GgufValueType type, ulong bits)
    {
        Offset = offset;
        Type = type;
        _bits = bits;
    }

    internal GgufValue(long offset, byte[] utf8)
    {
        Offset = offset;
        Type = GgufValueType.String;
        _data = utf8;
    }

    internal GgufValue(long offset, GgufValueType elementType, object data, int count)
    {
        Offset = offset;
        Type = GgufValueType.Array;
        ElementType = elementType;
        _data = data;
        _bits = (ulong)count;
    }

    /// <summary>Where in the file the value begins, in bytes.</summary>
    public long Offset { get; }
    public GgufValueType Type { get; }

    /// <summary>Of an array.</summary>
    public GgufValueType ElementType { get; }

    /// <summary>Elements of an array; 1 for anything else.</summary>
    public int Count => Type == GgufValueType.Array ? (int)_bits : 1;

    public bool TryGetInteger(out long value)
    {
        value = Type is GgufValueType.Bool ? 0 : Integer(Type, _bits);
        return Type is not (GgufValueType.Float32 or GgufValueType.Float64 or GgufValueType.Bool or GgufValueType.String or GgufValueType.Array)
            && (Type != GgufValueType.UInt64 || _bits <= long.MaxValue);
    }

    /// <summary>A float, or an integer as one.</summary>
    public bool TryGetNumber(out double value)
    {
        value = Type switch
        {
            GgufValueType.Float32 => BitConverter.UInt32BitsToSingle((uint)_bits),
            GgufValueType.Float64 => BitConverter.UInt64BitsToDouble(_bits),
            _ => 0,
        };
        if (Type is GgufValueType.Float32 or GgufValueType.Float64)
        {
            return true;
        }

        var isInteger = TryGetInteger(out var integer);
        value = integer;
        return isInteger;
    }

    public bool TryGetBool(out bool value)
    {
        value = _bits != 0;
        return Type == GgufValueType.Bool;
    }

    public bool TryGetString(out ReadOnlySpan<byte> utf8)
    {
        utf8 = Type == GgufValueType.String ? (byte[])_data! : default(ReadOnlySpan<byte>);
        return Type == GgufValueType.String;
    }

    public bool TryGetStrings(out GgufStringArray strings)
    {
        strings = _data as GgufStringArray ?? new GgufStringArray([], []);
        return _data is GgufStringArray;
    }

    /// <summary>The elements of an array of 32-bit integers, signed or not, copied.</summary>
    public bool TryGetInts(out int[] values)
    {
        values = [];
        if (_data is not byte[] bytes || Type != GgufValueType.Array || ElementType is not (GgufValueType.Int32 or GgufValueType.UInt32))
        {
            return false;
        }

        values = new int[Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(i * 4));
        }

        return true;
    }

    /// <summary>The elements of an array of 8-bit integers, signed or not, copied.</summary>
    public bool TryGetBytes(out byte[] values)
    {
        var isBytes = _data is byte[] && Type == GgufValueType.Array && (ElementType is GgufValueType.Int8 or GgufValueType.UInt8);
        values = isBytes ? ((byte[])_data!).AsSpan(0, Count).ToArray() : [];
        return isBytes;
    }

    /// <summary>The elements of an array of booleans, copied.</summary>
    public bool TryGetBools(out bool[] values)
    {
        values = [];
        if (_data is not byte[] bytes || Type != GgufValueType.Array || ElementType != GgufValueType.Bool)
        {
            return false;
        }

        values = Array.ConvertAll(bytes, value => value != 0);
        return true;
    }

    /// <summary>The elements of an array of 32-bit floats, copied.</summary>
    public bool TryGetFloats(out float[] values)
    {
        values = [];
        if (_data is not byte[] bytes || Type != GgufValueType.Array || ElementType != GgufValueType.Float32)
        {
            return false;
        }

        values = new float[Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(i * 4));
        }

        return true;
    }

    /// <summary>For people: <c>llama</c>, <c>10000</c>, <c>[512 strings]</c>.</summary>
    public override string ToString() => Type switch
    {
        GgufValueType.String => Encoding.UTF8.GetString((byte[])_data!),
        GgufValueType.Array => $"[{Count} x {ElementType}]",
        GgufValueType.Bool => _bits != 0 ? "true" : "false",
        GgufValueType.UInt64 => _bits.ToString(System.Globalization.CultureInfo.InvariantCulture),
        GgufValueType.Float32 => BitConverter.UInt32BitsToSingle((uint)_bits).ToString("R", System.Globalization.CultureInfo.InvariantCulture),
        GgufValueType.Float64 => BitConverter.UInt64BitsToDouble(_bits).ToString("R", System.Globalization.CultureInfo.InvariantCulture),
        _ => Integer(Type, _bits).ToString(System.Globalization.CultureInfo.InvariantCulture),
    };

    private static long Integer(GgufValueType type, ulong bits) => type switch
    {
        GgufValueType.Int8 => (sbyte)bits,
        GgufValueType.Int16 => (short)bits,
        GgufValueType.Int32 => (int)bits,
        _ => (long)bits,
    };
}
