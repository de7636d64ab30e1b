using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>Finds the graph's tensors by name and checks shape and type; a tensor of the file that the graph does not use is an error.</summary>
internal sealed class LlamaTensorReader(GgufFile file, ModelShape shape)
{
    private readonly List<ModelTensor> _tensors = [];
    private readonly HashSet<string> _used = ["rope_freqs.weight"];

    private long AttentionWidth => (long)shape.Heads * shape.HeadDim;
    private long KvWidth => (long)shape.KvHeads * shape.HeadDim;

    public IReadOnlyList<ModelTensor> Read()
    {
        Matrix(WeightSlot.TokenEmbedding, 0, "token_embd.weight", shape.Vocabulary, shape.Width);
        Norm(WeightSlot.OutputNorm, 0, "output_norm.weight");
        if (file.TryGetTensor("output.weight", out _))
        {
            Matrix(WeightSlot.Output, 0, "output.weight", shape.Vocabulary, shape.Width);
        }

        for (var layer = 0; layer < shape.Layers; layer++)
        {
            ReadLayer(layer);
        }

        RefuseUnused();
        return _tensors;
    }

    public static GgufTensorInfo Find(GgufFile file, string name) =>
        file.TryGetTensor(name, out var tensor) ? tensor : throw new GgufException(file.Name, 0, name, "this tensor is missing; a llama model needs it.");

    private void ReadLayer(int layer)
    {
        Norm(WeightSlot.AttentionNorm, layer, $"blk.{layer}.attn_norm.weight");
        Matrix(WeightSlot.Query, layer, $"blk.{layer}.attn_q.weight", AttentionWidth, shape.Width);
        Matrix(WeightSlot.Key, layer, $"blk.{layer}.attn_k.weight", KvWidth, shape.Width);
        Matrix(WeightSlot.Value, layer, $"blk.{layer}.attn_v.weight", KvWidth, shape.Width);
        Matrix(WeightSlot.AttentionOutput, layer, $"blk.{layer}.attn_output.weight", shape.Width, AttentionWidth);
        Norm(WeightSlot.FfnNorm, layer, $"blk.{layer}.ffn_norm.weight");
        Matrix(WeightSlot.Gate, layer, $"blk.{layer}.ffn_gate.weight", shape.Ffn, shape.Width);
        Matrix(WeightSlot.Up, layer, $"blk.{layer}.ffn_up.weight", shape.Ffn, shape.Width);
        Matrix(WeightSlot.Down, layer, $"blk.{layer}.ffn_down.weight", shape.Width, shape.Ffn);
    }

    private void Matrix(WeightSlot slot, int layer, string name, long rows, long columns)
    {
        var tensor = Take(slot, layer, name);
        if (tensor.Dimensions.Count != 2 || tensor.Columns != columns || tensor.Rows != rows)
        {
            throw Wrong(tensor, $"has dimensions [{string.Join(", ", tensor.Dimensions)}]; the metadata asks for [{columns}, {rows}].");
        }

        if (!TensorFormats.IsComputed(tensor.Type))
        {
            throw Wrong(tensor, $"has type {tensor.Type}; {TensorFormats.ComputedNames} are computed. Convert the file.");
        }
    }

    private void Norm(WeightSlot slot, int layer, string name)
    {
        var tensor = Take(slot, layer, name);
        if (tensor.Dimensions.Count != 1 || tensor.Columns != shape.Width || tensor.Type != GgufTensorType.F32)
        {
            throw Wrong(tensor, $"is {tensor.Type} [{string.Join(", ", tensor.Dimensions)}]; F32 [{shape.Width}] is needed.");
        }
    }

    private GgufTensorInfo Take(WeightSlot slot, int layer, string name)
    {
        var tensor = Find(file, name);
        _ = _used.Add(name);
        _tensors.Add(new ModelTensor(slot, layer, tensor));
        return tensor;
    }

    private void RefuseUnused()
    {
        foreach (var tensor in file.Tensors)
        {
            if (!_used.Contains(tensor.Name))
            {
                throw Wrong(tensor, "is no tensor of the llama graph computed here (biases, experts and adapters are not implemented).");
            }
        }
    }

    private GgufException Wrong(GgufTensorInfo tensor, string problem) => new(file.Name, tensor.FileOffset, tensor.Name, problem);
}
