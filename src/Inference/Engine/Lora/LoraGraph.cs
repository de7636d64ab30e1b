using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Lora;

/// <summary>What an adapter adds beside one matrix W of its base: y = W x + Scale * Up (Down x).</summary>
/// <param name="Down">[rank, columns of W], files' <c>lora_a</c>.</param>
/// <param name="Up">[rows, rank], files' <c>lora_b</c>; of a fused tensor's, the rows from <paramref name="FirstRow"/> on belong to this slot.</param>
/// <param name="FirstRow">First row of <paramref name="Up"/>.</param>
/// <param name="Rows">Rows of W.</param>
/// <param name="Scale">alpha / rank.</param>
public readonly record struct LoraPart(WeightSlot Slot, int Layer, GgufTensorInfo Down, GgufTensorInfo Up, long FirstRow, long Rows, float Scale)
{
    public int Rank => (int)Down.Rows;

    /// <summary>Columns of W.</summary>
    public long Columns => Down.Columns;
}

/// <summary>A LoRA adapter (https://arxiv.org/abs/2106.09685) as its file describes it, checked against its base: what a backend loads beside the base's weights.</summary>
/// <param name="File">Open while backends load; the owner is who read it.</param>
/// <param name="Parts">One for each matrix that it adapts; a fused tensor gives one for each slot it fills.</param>
public sealed record LoraGraph(GgufFile File, IReadOnlyList<LoraPart> Parts)
{
    /// <summary>
    /// The highest rank computed. Adapters are published with 4 to 128; past this, beside a width of 2,048, both products cost a quarter of the matrix they adapt, and
    /// merging them into the weights is the better way.
    /// </summary>
    public const int RankMax = 256;

    /// <summary>Adapters of one model in memory: more than a box's users have names for, and few enough that every table over them stays small.</summary>
    public const int AdaptersMax = 256;

    /// <summary>Bytes in memory.</summary>
    public long Bytes => Parts.Sum(part => (part.Columns * ElementBytes(part.Down.Type) + part.Rows * ElementBytes(part.Up.Type)) * Padded(part.Rank));

    /// <summary>Of one number as kernels keep it: Q8_0 is widened, since its blocks go across a rank that need not be a multiple of theirs.</summary>
    public static int ElementBytes(GgufTensorType type) => type is GgufTensorType.F16 or GgufTensorType.BF16 ? sizeof(ushort) : sizeof(float);

    private static long Padded(int rank) => (rank + 15) / 16 * 16;
}
