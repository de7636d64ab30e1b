using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// Finds the graph's tensors by name and checks shape and type. An architecture's reader asks for each; a tensor of the file that nobody asked for is an error,
/// since a graph without it is another model.
/// </summary>
internal sealed class TensorReader(GgufFile file, ModelShape shape)
{
    private readonly List<ModelTensor> _tensors = [];
    private readonly HashSet<string> _used = [];

    public ModelShape Shape => shape;
    public bool Has(string name) => file.TryGetTensor(name, out _);

    /// <summary>The model, once every tensor was asked for.</summary>
    public ModelGraph Finish()
    {
        foreach (var tensor in file.Tensors)
        {
            if (!_used.Contains(tensor.Name))
            {
                throw Wrong(tensor, $"is no tensor of the {shape.Architecture} graph computed here.");
            }
        }

        return new ModelGraph(shape, _tensors);
    }

    /// <summary>Tensors that were read elsewhere.</summary>
    public void Skip(IEnumerable<string> names) => _used.UnionWith(names);

    /// <summary>A tensor beside the graph, of a head over its hidden states: checked where the file has it, and read elsewhere.</summary>
    public void Head(string name, ReadOnlySpan<long> dimensions, bool isVector)
    {
        if (Has(name))
        {
            _ = isVector ? FindVector(name, dimensions) : FindMatrix(name, dimensions);
        }
    }

    /// <summary>The same of a reranker's head, where the file has one.</summary>
    public void RankHead() => Embeddings.RankHead.Check(this, file);

    public void Matrix(WeightSlot slot, int layer, string name, long rows, long columns) =>
        _tensors.Add(new ModelTensor(slot, layer, 0, FindMatrix(name, [columns, rows]), 0, rows));

    public void Vector(WeightSlot slot, int layer, string name, long length) =>
        _tensors.Add(new ModelTensor(slot, layer, 0, FindVector(name, [length]), 0, length));

    /// <summary>Nothing where the file has none.</summary>
    public void OptionalVector(WeightSlot slot, int layer, string name, long length)
    {
        if (Has(name))
        {
            Vector(slot, layer, name, length);
        }
    }

    /// <summary>One tensor whose rows fill several slots, one after the other.</summary>
    public void Fused(int layer, string name, long columns, params ReadOnlySpan<(WeightSlot Slot, long Rows)> parts)
    {
        var tensor = FindMatrix(name, [columns, Sum(parts)]);
        AddParts(tensor, layer, parts);
    }

    /// <summary>The same of a vector, where the file has it.</summary>
    public void OptionalFusedVector(int layer, string name, params ReadOnlySpan<(WeightSlot Slot, long Rows)> parts)
    {
        if (Has(name))
        {
            AddParts(FindVector(name, [Sum(parts)]), layer, parts);
        }
    }

    /// <summary>The matrices of a layer's experts: one tensor of three dimensions, or (files before March 2024) one tensor for each.</summary>
    public void Experts(WeightSlot slot, int layer, string name, long rows, long columns)
    {
        var stacked = $"blk.{layer}.{name}_exps.weight";
        if (!Has(stacked) && Has($"blk.{layer}.{name}.0.weight"))
        {
            for (var expert = 0; expert < shape.Experts; expert++)
            {
                _tensors.Add(new ModelTensor(slot, layer, expert, FindMatrix($"blk.{layer}.{name}.{expert}.weight", [columns, rows]), 0, rows));
            }

            return;
        }

        var tensor = FindMatrix(stacked, [columns, rows, shape.Experts]);
        for (var expert = 0; expert < shape.Experts; expert++)
        {
            _tensors.Add(new ModelTensor(slot, layer, expert, tensor, expert * rows, rows));
        }
    }

    /// <summary>A vector for each expert of a layer, from one tensor.</summary>
    public void ExpertVectors(WeightSlot slot, int layer, string name, long length)
    {
        var tensor = FindVector($"blk.{layer}.{name}_exps.bias", [length, shape.Experts]);
        for (var expert = 0; expert < shape.Experts; expert++)
        {
            _tensors.Add(new ModelTensor(slot, layer, expert, tensor, expert * length, length));
        }
    }

    private static long Sum(ReadOnlySpan<(WeightSlot Slot, long Rows)> parts)
    {
        long rows = 0;
        foreach (var part in parts)
        {
            rows += part.Rows;
        }

        return rows;
    }

    private void AddParts(GgufTensorInfo tensor, int layer, ReadOnlySpan<(WeightSlot Slot, long Rows)> parts)
    {
        long first = 0;
        foreach (var (slot, rows) in parts)
        {
            _tensors.Add(new ModelTensor(slot, layer, 0, tensor, first, rows));
            first += rows;
        }
    }

    private GgufTensorInfo FindMatrix(string name, ReadOnlySpan<long> dimensions)
    {
        var tensor = Find(name, dimensions);
        return TensorFormats.IsComputed(tensor.Type)
            ? tensor
            : throw Wrong(tensor, $"has type {tensor.Type}; {TensorFormats.ComputedNames} are computed. Convert the file.");
    }

    private GgufTensorInfo FindVector(string name, ReadOnlySpan<long> dimensions)
    {
        var tensor = Find(name, dimensions);
        return tensor.Type == GgufTensorType.F32 ? tensor : throw Wrong(tensor, $"is {tensor.Type} {Text(dimensions)}; F32 {Text(dimensions)} is needed.");
    }

    /// <summary>The tensor, of exactly these dimensions; those of 1 at the end may be left out.</summary>
    private GgufTensorInfo Find(string name, ReadOnlySpan<long> dimensions)
    {
        if (!file.TryGetTensor(name, out var tensor))
        {
            throw new GgufException(file.Name, 0, name, $"this tensor is missing; a {shape.Architecture} model needs it.");
        }

        _ = _used.Add(name);
        for (var i = 0; i < Math.Max(dimensions.Length, tensor.Dimensions.Count); i++)
        {
            var wanted = i < dimensions.Length ? dimensions[i] : 1;
            if ((i < tensor.Dimensions.Count ? tensor.Dimensions[i] : 1) != wanted)
            {
                throw Wrong(tensor, $"has dimensions [{string.Join(", ", tensor.Dimensions)}]; the metadata asks for {Text(dimensions)}.");
            }
        }

        return tensor;
    }

    private static string Text(ReadOnlySpan<long> dimensions) => $"[{string.Join(", ", dimensions.ToArray())}]";

    private GgufException Wrong(GgufTensorInfo tensor, string problem) => new(file.Name, tensor.FileOffset, tensor.Name, problem);
}
