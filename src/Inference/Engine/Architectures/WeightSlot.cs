namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// A tensor's place in the graph, numbered as in the kernels' ABI (which states each one's size). Matrices are [outputs, inputs] and of any computed format; vectors are
/// F32. One block computes, a step without tensors being left out:
/// <code>
/// a = AttentionNorm(x)            (absent: x itself)
/// q, k, v = Query a + QueryBias, Key a + KeyBias, Value a + ValueBias;  QueryNorm, KeyNorm over each head;  rotation
/// b = AttentionOutput attention(q, k, v; Sinks) + AttentionOutputBias;  b = PostAttentionNorm(b)
/// x = AttentionSumNorm(x + ResidualScale b)
/// f = FfnNorm(x);  c = Down act(Gate f + GateBias, Up f + UpBias) + DownBias, or the experts' sum, plus sigmoid(SharedRouter f) times the shared expert's
/// x = FfnSumNorm(x + ResidualScale PostFfnNorm(c))
/// </code>
/// </summary>
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
    QueryBias = 12,
    KeyBias = 13,
    ValueBias = 14,
    AttentionOutputBias = 15,

    /// <summary>[head dimensions], the same for every head, before the rotation.</summary>
    QueryNorm = 16,
    KeyNorm = 17,

    /// <summary>Over what attention adds, before it is added (gemma).</summary>
    PostAttentionNorm = 18,
    PostFfnNorm = 19,

    /// <summary>[heads]: a score of each head that takes part in the softmax and has no value.</summary>
    Sinks = 20,

    /// <summary>[experts, width].</summary>
    Router = 21,
    RouterBias = 22,

    /// <summary>One of these for each expert.</summary>
    ExpertGate = 23,
    ExpertUp = 24,
    ExpertDown = 25,
    ExpertGateBias = 26,
    ExpertUpBias = 27,
    ExpertDownBias = 28,
    SharedGate = 29,
    SharedUp = 30,
    SharedDown = 31,

    /// <summary>[1, width]; absent: the shared expert is added as it is.</summary>
    SharedRouter = 32,
    GateBias = 33,
    UpBias = 34,
    DownBias = 35,
    AttentionNormBias = 36,
    FfnNormBias = 37,
    OutputNormBias = 38,

    /// <summary>[context, width], added to the token's embedding.</summary>
    PositionEmbedding = 39,

    /// <summary>[token types, width].</summary>
    TokenTypeEmbedding = 40,

    /// <summary>Over the sum of all embeddings.</summary>
    EmbeddingNorm = 41,
    EmbeddingNormBias = 42,

    /// <summary>Over the residual after attention was added (bert's post-norm).</summary>
    AttentionSumNorm = 43,
    AttentionSumNormBias = 44,
    FfnSumNorm = 45,
    FfnSumNormBias = 46,
}

public static class WeightSlots
{
    /// <summary>Norms, biases and sinks: F32 vectors that the kernels read as they are.</summary>
    public static bool IsVector(this WeightSlot slot) => slot switch
    {
        WeightSlot.OutputNorm or WeightSlot.AttentionNorm or WeightSlot.FfnNorm => true,
        WeightSlot.QueryBias or WeightSlot.KeyBias or WeightSlot.ValueBias or WeightSlot.AttentionOutputBias => true,
        WeightSlot.QueryNorm or WeightSlot.KeyNorm or WeightSlot.PostAttentionNorm or WeightSlot.PostFfnNorm => true,
        WeightSlot.Sinks or WeightSlot.RouterBias => true,
        WeightSlot.ExpertGateBias or WeightSlot.ExpertUpBias or WeightSlot.ExpertDownBias => true,
        WeightSlot.GateBias or WeightSlot.UpBias or WeightSlot.DownBias => true,
        WeightSlot.AttentionNormBias or WeightSlot.FfnNormBias or WeightSlot.OutputNormBias => true,
        WeightSlot.EmbeddingNorm or WeightSlot.EmbeddingNormBias => true,
        >= WeightSlot.AttentionSumNorm and <= WeightSlot.FfnSumNormBias => true,
        _ => false,
    };

    /// <summary>Slots that stand once for each layer.</summary>
    public static bool IsLayer(this WeightSlot slot) => slot switch
    {
        WeightSlot.TokenEmbedding or WeightSlot.Output or WeightSlot.OutputNorm or WeightSlot.OutputNormBias => false,
        WeightSlot.PositionEmbedding or WeightSlot.TokenTypeEmbedding or WeightSlot.EmbeddingNorm or WeightSlot.EmbeddingNormBias => false,
        _ => true,
    };
}
