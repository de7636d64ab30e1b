using System.Buffers.Binary;

namespace Jesus.Inference.Engine.Gguf;

/// <summary>
/// A tensor row's bytes as floats, by each format's published layout: the definition that the kernels' packing is held against, bit for bit. Plain, not fast.
/// A scale times a code is exact in a float in every format (11 bits of an F16 scale, up to 8 of a block's, up to 6 of a code; 25 bits at most, rounded once).
/// </summary>
public static class Dequantize
{
    private const int BlockColumns = 32;

    /// <summary>The values of <see cref="GgufTensorType.IQ4_NL"/> and <see cref="GgufTensorType.IQ4_XS"/> codes.</summary>
    private static ReadOnlySpan<sbyte> Iq4Values => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>Twice the values of E2M1, the elements of <see cref="GgufTensorType.MXFP4"/> (OCP Microscaling Formats 1.0, 5.3.3).</summary>
    private static ReadOnlySpan<sbyte> Fp4Doubled => [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

    /// <summary>Widens whole blocks of a type.</summary>
    /// <param name="type">One that <see cref="TensorFormats.IsComputed"/>.</param>
    /// <param name="bytes">Blocks as the file stores them.</param>
    /// <param name="values">One float for each element of the blocks.</param>
    /// <exception cref="NotSupportedException">The type is not computed.</exception>
    public static void Row(GgufTensorType type, ReadOnlySpan<byte> bytes, Span<float> values)
    {
        var block = GgufBlock.Of(type);
        for (var start = 0; start < values.Length; start += block.Elements, bytes = bytes[block.Bytes..])
        {
            Block(type, bytes[..block.Bytes], values.Slice(start, block.Elements));
        }
    }

    private static void Block(GgufTensorType type, ReadOnlySpan<byte> block, Span<float> values)
    {
        switch (type)
        {
            case GgufTensorType.F32: values[0] = BinaryPrimitives.ReadSingleLittleEndian(block); break;
            case GgufTensorType.F16: values[0] = Half(block); break;
            case GgufTensorType.BF16: values[0] = BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(block) << 16); break;
            case GgufTensorType.Q8_0: Q8(block, values); break;
            case GgufTensorType.Q4_0: Nibbles(Half(block), -8, 0, block[2..], values); break;
            case GgufTensorType.Q4_1: Nibbles(Half(block), 0, Half(block[2..]), block[4..], values); break;
            case GgufTensorType.Q5_0: FiveBits(Half(block), -16, 0, block[2..], values); break;
            case GgufTensorType.Q5_1: FiveBits(Half(block), 0, Half(block[2..]), block[4..], values); break;
            case GgufTensorType.IQ4_NL: Table(Half(block), Iq4Values, block[2..], values); break;
            case GgufTensorType.MXFP4: Table(PowerOfTwoHalved(block[0]), Fp4Doubled, block[1..], values); break;
            case GgufTensorType.IQ4_XS: Iq4Xs(block, values); break;
            case GgufTensorType.Q2_K: DequantizeK.Q2(block, values); break;
            case GgufTensorType.Q3_K: DequantizeK.Q3(block, values); break;
            case GgufTensorType.Q4_K: DequantizeK.Q4(block, values); break;
            case GgufTensorType.Q5_K: DequantizeK.Q5(block, values); break;
            case GgufTensorType.Q6_K: DequantizeK.Q6(block, values); break;
            default: throw new NotSupportedException($"no reader for tensor type {type}; {TensorFormats.ComputedNames} are computed.");
        }
    }

    internal static float Half(ReadOnlySpan<byte> bytes) => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes);

    private static void Q8(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scale = Half(block);
        for (var i = 0; i < BlockColumns; i++)
        {
            values[i] = scale * (sbyte)block[2 + i];
        }
    }

    /// <summary>16 bytes: the first 16 columns in the low halves, the last 16 in the high ones.</summary>
    private static void Nibbles(float scale, int offset, float least, ReadOnlySpan<byte> codes, Span<float> values)
    {
        for (var i = 0; i < BlockColumns / 2; i++)
        {
            values[i] = Value(scale, (codes[i] & 15) + offset, least);
            values[i + 16] = Value(scale, (codes[i] >> 4) + offset, least);
        }
    }

    /// <summary>The fifth bits of all columns (u32), then nibbles as above.</summary>
    private static void FiveBits(float scale, int offset, float least, ReadOnlySpan<byte> codes, Span<float> values)
    {
        var high = BinaryPrimitives.ReadUInt32LittleEndian(codes);
        var low = codes[4..];
        for (var i = 0; i < BlockColumns / 2; i++)
        {
            values[i] = Value(scale, (low[i] & 15 | (int)(high >> i << 4 & 16)) + offset, least);
            values[i + 16] = Value(scale, (low[i] >> 4 | (int)(high >> i + 12 & 16)) + offset, least);
        }
    }

    private static float Value(float scale, int code, float least)
    {
        var product = scale * code;
        return product + least;
    }

    private static void Table(float scale, ReadOnlySpan<sbyte> table, ReadOnlySpan<byte> codes, Span<float> values)
    {
        for (var i = 0; i < BlockColumns / 2; i++)
        {
            values[i] = scale * table[codes[i] & 15];
            values[i + 16] = scale * table[codes[i] >> 4];
        }
    }

    /// <summary>2^(e - 128): half of what the exponent byte says, because the table's elements are doubled. Two exponents are subnormal.</summary>
    private static float PowerOfTwoHalved(byte exponent) => BitConverter.Int32BitsToSingle(exponent < 2 ? 0x00200000 << exponent : exponent - 1 << 23);

    /// <summary>F16 scale; u16 of eight pairs of bits, the scales' high ones; 4 bytes of their low nibbles; eight blocks of nibbles.</summary>
    private static void Iq4Xs(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scale = Half(block);
        int high = BinaryPrimitives.ReadUInt16LittleEndian(block[2..]);
        for (var i = 0; i < 8; i++)
        {
            var part = (block[4 + i / 2] >> 4 * (i % 2) & 15 | (high >> 2 * i & 3) << 4) - 32;
            Table(scale * part, Iq4Values, block[(8 + 16 * i)..], values[(i * BlockColumns)..]);
        }
    }
}
