using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Gguf;

/// <summary>Values of every format against make-format-golden.py, which states where each column's bits lie and shares no code with the engine.</summary>
public sealed class DequantizeTests
{
    [Fact]
    public void Every_computed_format_has_the_values_of_its_published_layout()
    {
        var seen = new List<GgufTensorType>();
        foreach (var (type, row, expected) in Golden())
        {
            seen.Add(type);
            var actual = new float[expected.Length];
            Dequantize.Row(type, row, actual);
            for (var i = 0; i < expected.Length; i++)
            {
                Assert.True(expected[i] == actual[i], $"{type}, column {i}: {expected[i]} was expected, {actual[i]} came");
            }
        }

        Assert.Equal(TensorFormats.Computed.Order(), seen.Order());
    }

    [Fact]
    public void A_type_without_a_reader_is_refused_by_name()
    {
        Assert.False(TensorFormats.IsComputed(GgufTensorType.IQ1_S));
        var refusal = Assert.Throws<NotSupportedException>(() => Dequantize.Row(GgufTensorType.IQ1_S, new byte[50], new float[256]));
        Assert.Contains("IQ1_S", refusal.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<(GgufTensorType Type, byte[] Row, float[] Values)> Golden()
    {
        using var stream = typeof(DequantizeTests).Assembly.GetManifestResourceStream("format-golden.bin")!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        for (var at = 0; at < bytes.Length;)
        {
            var type = (GgufTensorType)BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));
            var columns = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 4));
            var length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 8));
            var row = bytes.AsSpan(at + 12, length).ToArray();
            var values = MemoryMarshal.Cast<byte, float>(bytes.AsSpan(at + 12 + length, columns * sizeof(float))).ToArray();
            at += 12 + length + columns * sizeof(float);
            yield return (type, row, values);
        }
    }
}
