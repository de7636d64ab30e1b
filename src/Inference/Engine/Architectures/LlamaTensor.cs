using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>One tensor of the file and its place in the graph; global tensors have layer 0.</summary>
public readonly record struct LlamaTensor(WeightSlot Slot, int Layer, GgufTensorInfo Info)
{
    public bool IsNorm => Slot is WeightSlot.OutputNorm or WeightSlot.AttentionNorm or WeightSlot.FfnNorm;
}
