namespace Jesus.Inference.Engine.Architectures;

/// <summary>A tensor's place in the graph, numbered as in the kernels' ABI.</summary>
public enum WeightSlot
{
    TokenEmbedding = 0,
    Output = 1,
    OutputNorm = 2,
    AttentionNorm = 3,
    Query = 4,
    Key = 5,
    Value = 6,
    AttentionOutput = 7,
    FfnNorm = 8,
    Gate = 9,
    Up = 10,
    Down = 11,
}
