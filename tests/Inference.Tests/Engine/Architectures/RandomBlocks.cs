using System.Buffers.Binary;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Architectures;

/// <summary>Blocks of any format with random codes, their scales chosen so that the values spread as asked: what a quantised matrix of random weights looks like.</summary>
internal static class RandomBlocks
{
    /// <param name="Spread">Standard deviation of the values when the first scale is 1.</param>
    /// <param name="Scale">Byte of the first scale (16-bit float) in a block.</param>
    /// <param name="Offset">Byte of the offset's, -1 without one.</param>
    /// <param name="OffsetFactor">The offset that centres the values, as a multiple of the scale.</param>
    private readonly record struct Layout(double Spread, int Scale, int Offset = -1, double OffsetFactor = 0);

    private static readonly Dictionary<GgufTensorType, Layout> Layouts = new()
    {
        [GgufTensorType.Q8_0] = new(74, 0),
        [GgufTensorType.Q4_0] = new(4.6, 0),
        [GgufTensorType.Q4_1] = new(4.6, 0, 2, -7.5),
        [GgufTensorType.Q5_0] = new(9.2, 0),
        [GgufTensorType.Q5_1] = new(9.2, 0, 2, -15.5),
        [GgufTensorType.Q2_K] = new(14, 80, 82, 1.5),
        [GgufTensorType.Q3_K] = new(42, 108),
        [GgufTensorType.Q4_K] = new(300, 0, 2, 7.5),
        [GgufTensorType.Q5_K] = new(600, 0, 2, 15.5),
        [GgufTensorType.Q6_K] = new(1370, 208),
        [GgufTensorType.IQ4_NL] = new(70, 0),
        [GgufTensorType.IQ4_XS] = new(1260, 0),
        [GgufTensorType.MXFP4] = new(3.3, 0),
    };

    public static IEnumerable<GgufTensorType> Types => Layouts.Keys;

    public static byte[] Make(GgufTensorType type, int count, double spread, int seed)
    {
        var block = GgufBlock.Of(type);
        var layout = Layouts[type];
        var bytes = new byte[count / block.Elements * block.Bytes];
        new Random(seed).NextBytes(bytes);
        var scale = spread / layout.Spread;
        for (var at = 0; at < bytes.Length; at += block.Bytes)
        {
            if (type == GgufTensorType.MXFP4)
            {
                bytes[at] = (byte)(127 + Math.Round(Math.Log2(scale)));
                continue;
            }

            BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(at + layout.Scale), (Half)scale);
            if (layout.Offset >= 0)
            {
                BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(at + layout.Offset), (Half)(scale * layout.OffsetFactor));
            }
        }

        return bytes;
    }
}
