using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Lora;

/// <summary>The definition of what adapters add, in plain C#: down x in floats from double sums, times the scale, and up of that.</summary>
internal sealed class ReferenceLora
{
    private readonly record struct Part(ReferenceTensor Down, ReferenceTensor Up, int Rank, float Scale);

    private readonly Dictionary<(int Adapter, WeightSlot Slot, int Layer), Part> _parts = [];

    private readonly bool _roundActivations;

    public ReferenceLora(IReadOnlyList<LoraGraph> adapters, bool roundActivations)
    {
        _roundActivations = roundActivations;
        for (var i = 0; i < adapters.Count; i++)
        {
            foreach (var part in adapters[i].Parts)
            {
                var down = Read(adapters[i].File, part.Down, 0, part.Rank);
                var up = Read(adapters[i].File, part.Up, part.FirstRow, part.Rows);
                _parts.Add((i + 1, part.Slot, part.Layer), new Part(down, up, part.Rank, part.Scale));
            }
        }
    }

    /// <summary>y = y + scale * up (down x); nothing where the adapter (0: none) leaves the matrix as it is.</summary>
    public void Add(int adapter, WeightSlot slot, int layer, float[] x, float[] y)
    {
        if (!_parts.TryGetValue((adapter, slot, layer), out var part))
        {
            return;
        }

        var (narrow, input) = (new float[part.Rank], Rounded(part.Down, x));
        for (var i = 0; i < narrow.Length; i++)
        {
            narrow[i] = (float)ReferenceMath.Dot(part.Down.Values.AsSpan(i * x.Length, x.Length), input) * part.Scale;
        }

        var widened = Rounded(part.Up, narrow);
        for (var row = 0; row < y.Length; row++)
        {
            y[row] += (float)ReferenceMath.Dot(part.Up.Values.AsSpan(row * part.Rank, part.Rank), widened);
        }
    }

    /// <summary>Adapters' quantised sides are widened when they are loaded, so that only BF16 ones round what they are multiplied with.</summary>
    private float[] Rounded(ReferenceTensor side, float[] x) => _roundActivations && side.Type == GgufTensorType.BF16 ? ReferenceMath.Rounded(x, side.Type) : x;

    private static ReferenceTensor Read(GgufFile file, GgufTensorInfo tensor, long first, long rows)
    {
        var rowBytes = tensor.ByteLength / tensor.Rows;
        var bytes = new byte[rows * rowBytes];
        file.ReadTensor(tensor, first * rowBytes, bytes);
        var values = new float[rows * tensor.Columns];
        Dequantize.Row(tensor.Type, bytes, values);
        return new ReferenceTensor(values, tensor.Type);
    }
}
