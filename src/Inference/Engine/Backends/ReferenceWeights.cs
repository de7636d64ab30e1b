using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Backends;

/// <summary>A tensor of the graph as floats, row by row.</summary>
/// <param name="Type">As the file keeps it: kernels round what they multiply it with by it.</param>
internal sealed record ReferenceTensor(float[] Values, GgufTensorType Type)
{
    public static readonly ReferenceTensor Absent = new([], GgufTensorType.F32);

    public bool Exists => Values.Length > 0;
}

/// <summary>A whole model's weights, widened to floats.</summary>
internal sealed class ReferenceWeights
{
    private readonly Dictionary<(WeightSlot Slot, int Layer, int Expert), ReferenceTensor> _tensors = [];

    public ReferenceWeights(GgufFile file, ModelGraph model)
    {
        foreach (var tensor in model.Tensors)
        {
            var values = Read(file, tensor);
            Bytes += values.Length * sizeof(float);
            _tensors.Add((tensor.Slot, tensor.Layer, tensor.Expert), new ReferenceTensor(values, tensor.Info.Type));
        }
    }

    public long Bytes { get; }

    /// <summary><see cref="ReferenceTensor.Absent"/> when the model has none.</summary>
    public ReferenceTensor Of(WeightSlot slot, int layer = 0, int expert = 0) => _tensors.GetValueOrDefault((slot, layer, expert), ReferenceTensor.Absent);

    /// <summary>The values of a vector; empty when the model has none.</summary>
    public float[] Vector(WeightSlot slot, int layer = 0, int expert = 0) => Of(slot, layer, expert).Values;

    /// <summary>The values of a part of a tensor, dequantised.</summary>
    private static float[] Read(GgufFile file, ModelTensor tensor)
    {
        var bytes = new byte[tensor.RowBytes * tensor.Rows];
        file.ReadTensor(tensor.Info, tensor.ByteOffset, bytes);
        var values = new float[tensor.Rows * tensor.Columns];
        Dequantize.Row(tensor.Info.Type, bytes, values);
        return values;
    }
}
