using System.Buffers.Binary;
using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Backends;

/// <summary>One layer's weights as floats, row by row.</summary>
internal sealed class ReferenceLayer
{
    public float[] AttentionNorm { get; set; } = [];
    public float[] Query { get; set; } = [];
    public float[] Key { get; set; } = [];
    public float[] Value { get; set; } = [];
    public float[] AttentionOutput { get; set; } = [];
    public float[] FfnNorm { get; set; } = [];
    public float[] Gate { get; set; } = [];
    public float[] Up { get; set; } = [];
    public float[] Down { get; set; } = [];
}

/// <summary>A whole model's weights, widened to floats.</summary>
internal sealed class ReferenceWeights
{
    public ReferenceWeights(GgufFile file, ModelGraph model)
    {
        Layers = Enumerable.Range(0, model.Shape.Layers).Select(_ => new ReferenceLayer()).ToArray();
        foreach (var tensor in model.Tensors)
        {
            var values = Read(file, tensor.Info).AsSpan((int)(tensor.First * (tensor.IsVector ? 1 : tensor.Columns)), (int)(tensor.Rows * tensor.Columns)).ToArray();
            Bytes += values.Length * sizeof(float);
            Place(tensor, values);
        }

        Output = Output.Length > 0 ? Output : TokenEmbedding;
    }

    public float[] TokenEmbedding { get; private set; } = [];
    public float[] Output { get; private set; } = [];
    public float[] OutputNorm { get; private set; } = [];
    public ReferenceLayer[] Layers { get; }
    public long Bytes { get; }

    /// <summary>A tensor's values, dequantised: F32, F16, BF16 or Q8_0 (blocks of an F16 scale and 32 signed bytes).</summary>
    public static float[] Read(GgufFile file, GgufTensorInfo info)
    {
        var bytes = new byte[info.ByteLength];
        file.ReadTensor(info, 0, bytes);
        var values = new float[info.Elements];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = info.Type switch
            {
                GgufTensorType.F32 => BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(i * 4)),
                GgufTensorType.F16 => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes.AsSpan(i * 2)),
                GgufTensorType.BF16 => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(i * 2)) << 16),
                _ => (sbyte)bytes[i / 32 * 34 + 2 + i % 32] * (float)BinaryPrimitives.ReadHalfLittleEndian(bytes.AsSpan(i / 32 * 34)),
            };
        }

        return values;
    }

    private void Place(ModelTensor tensor, float[] values)
    {
        var layer = Layers[tensor.Layer];
        switch (tensor.Slot)
        {
            case WeightSlot.TokenEmbedding: TokenEmbedding = values; break;
            case WeightSlot.Output: Output = values; break;
            case WeightSlot.OutputNorm: OutputNorm = values; break;
            case WeightSlot.AttentionNorm: layer.AttentionNorm = values; break;
            case WeightSlot.Query: layer.Query = values; break;
            case WeightSlot.Key: layer.Key = values; break;
            case WeightSlot.Value: layer.Value = values; break;
            case WeightSlot.AttentionOutput: layer.AttentionOutput = values; break;
            case WeightSlot.FfnNorm: layer.FfnNorm = values; break;
            case WeightSlot.Gate: layer.Gate = values; break;
            case WeightSlot.Up: layer.Up = values; break;
            case WeightSlot.Down: layer.Down = values; break;
        }
    }
}
