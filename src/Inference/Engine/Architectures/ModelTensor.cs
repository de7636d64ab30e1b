using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Lora;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// A part of a file's tensor and its place in the graph. A matrix is a range of the tensor's rows, so that a fused tensor fills several slots (phi3's query, key
/// and value) and the stacked matrices of a layer's experts are one of these for each; a vector is a range of its elements.
/// </summary>
/// <param name="Layer">0 for slots outside the layers.</param>
/// <param name="Expert">0 for slots that are no expert's.</param>
/// <param name="First">First row of the tensor, or first element for a vector.</param>
/// <param name="Count">Rows, or elements for a vector.</param>
public readonly record struct ModelTensor(WeightSlot Slot, int Layer, int Expert, GgufTensorInfo Info, long First, long Count)
{
    /// <summary>The whole tensor.</summary>
    public ModelTensor(WeightSlot slot, int layer, GgufTensorInfo info)
        : this(slot, layer, 0, info, 0, slot.IsVector() ? info.Elements : info.Rows)
    {
    }

    public bool IsVector => Slot.IsVector();
    public long Rows => IsVector ? 1 : Count;
    public long Columns => IsVector ? Count : Info.Columns;

    /// <summary>Bytes of one row in the file.</summary>
    public long RowBytes => IsVector ? Count * sizeof(float) : Info.ByteLength / Info.Rows;

    /// <summary>Where the part begins, in bytes from the tensor's start.</summary>
    public long ByteOffset => IsVector ? First * sizeof(float) : First * RowBytes;
}

/// <summary>A model as its file describes it, checked: what a backend loads.</summary>
/// <param name="Tensors">Every tensor of the graph; without <see cref="WeightSlot.Output"/> the token embedding serves as output.</param>
public sealed record ModelGraph(ModelShape Shape, IReadOnlyList<ModelTensor> Tensors)
{
    /// <summary>LoRA adapters that a batch's rows may have, the first as adapter 1.</summary>
    public IReadOnlyList<LoraGraph> Adapters { get; init; } = [];
}
