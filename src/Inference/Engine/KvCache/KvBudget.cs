using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;

namespace Jesus.Inference.Engine.KvCache;

/// <summary>How many KV blocks an amount of memory makes; decided once, when the model loads.</summary>
public static class KvBudget
{
    /// <summary>Dimensions of a head that share one scale in Q8_0: heads of other multiples cannot be kept so.</summary>
    public const int ScaledDims = 32;

    /// <summary>Bytes of one block of 16 positions: keys and values of all layers and KV heads; values are padded to 16 dimensions; Q8_0 adds an F16 scale for each 32.</summary>
    public static long BlockBytes(ModelShape shape, KvElementType type)
    {
        long padded = (shape.HeadDim + 15) / 16 * 16;
        long position = type switch
        {
            KvElementType.Q8_0 => 2 * (shape.HeadDim + shape.HeadDim / ScaledDims * 2),
            KvElementType.F16 => (shape.HeadDim + padded) * 2,
            _ => (shape.HeadDim + padded) * 4,
        };
        return position * KvBlockPool.BlockPositions * shape.KvHeads * shape.Layers;
    }

    /// <summary>
    /// Blocks that fit <paramref name="bytes"/>, but no more than <paramref name="sequencesMax"/> full contexts need. False, with the reason, when not even
    /// <paramref name="positionsMin"/> positions of one sequence fit.
    /// </summary>
    public static bool TryCount(ModelShape shape, KvElementType type, long bytes, int sequencesMax, int positionsMin, out int blocks, out string problem)
    {
        var blockBytes = BlockBytes(shape, type);
        var useful = (long)KvBlockPool.BlocksFor(shape.Context) * sequencesMax;
        blocks = (int)Math.Min(int.MaxValue, Math.Min(bytes / blockBytes, useful));
        var needed = KvBlockPool.BlocksFor(Math.Min(positionsMin, shape.Context));
        problem = blocks >= needed
            ? ""
            : $"the KV cache gets {bytes:N0} bytes, but {positionsMin:N0} positions of this model take {needed * blockBytes:N0}: "
                + "raise the engine's memory cap, or choose a smaller model or context.";
        return blocks >= needed;
    }
}
