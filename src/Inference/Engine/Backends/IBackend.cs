using Jesus.Inference.Engine.Architectures;

namespace Jesus.Inference.Engine.Backends;

/// <summary>
/// One model's weights, its KV pool and the arithmetic over them, on a CPU or a GPU. One caller at a time; a forward pass blocks it until the logits
/// are there. The backend knows tokens, positions and block tables; which blocks belong to whom is the caller's affair (<see cref="KvCache.KvBlockPool"/>).
/// </summary>
public interface IBackend : IDisposable
{
    ModelShape Shape { get; }
    BackendInfo Info { get; }

    /// <summary>Runs all rows of the batch through the model, writes their keys and values, and fills the logits of the rows that want them.</summary>
    /// <exception cref="BackendException">The batch breaks a rule (token, position or block out of range): a broken invariant of the caller.</exception>
    void Forward(ForwardBatch batch);
}

/// <summary>What a backend says about itself.</summary>
/// <param name="Device">For people: <c>cpu avx2</c>.</param>
/// <param name="Isa">For <c>models bench</c>: <c>generic</c>, <c>avx2</c>, <c>avx512</c>, <c>reference</c>.</param>
/// <param name="Numerics">Name of the arithmetic; equal names (and KV types) give equal bits.</param>
/// <param name="NumericsId">The same as the byte in <see cref="Contract.NumericsProfile"/>.</param>
/// <param name="Threads">Threads of a forward pass.</param>
/// <param name="BatchRowsMax">Rows of the largest batch.</param>
/// <param name="WeightBytes">Bytes of weights in memory: what one decode step reads.</param>
/// <param name="WorkBytes">Bytes of working memory.</param>
/// <param name="KvType">Element type of the KV pool.</param>
/// <param name="KvBlocks">Blocks in the KV pool.</param>
/// <param name="KvBlockBytes">Bytes of one block, all layers.</param>
public sealed record BackendInfo(
    string Device,
    string Isa,
    string Numerics,
    byte NumericsId,
    int Threads,
    int BatchRowsMax,
    long WeightBytes,
    long WorkBytes,
    KvElementType KvType,
    int KvBlocks,
    long KvBlockBytes);
