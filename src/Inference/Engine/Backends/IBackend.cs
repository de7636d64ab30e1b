using Jesus.Inference.Engine.Architectures;

namespace Jesus.Inference.Engine.Backends;

/// <summary>
/// One model's weights, its KV pool and the arithmetic over them, on a CPU or a GPU. The seam for other devices:
/// <list type="bullet">
/// <item>A step is one call, <see cref="Forward"/>, whatever the batch holds; no call is made for a layer, a row or an element.</item>
/// <item>What crosses is described, not laid out: a <see cref="ModelGraph"/> and its file's bytes at load, then tokens, positions, block tables and the rows
/// wanted. Weights, working memory and the KV pool live where the backend keeps them, in its own layout; only its sizes come back (<see cref="Info"/>).</item>
/// <item>Blocks of 16 positions are numbers to the caller: which belong to whom is its affair (<see cref="KvCache.KvBlockPool"/>), and a block is only read or
/// written through a batch that names it.</item>
/// <item>Logits and hidden states end up in the batch's own memory, so that sampling does not ask where they were computed.</item>
/// </list>
/// One caller at a time; a forward pass blocks it until the results are there.
/// </summary>
public interface IBackend : IDisposable
{
    ModelShape Shape { get; }
    BackendInfo Info { get; }

    /// <summary>Whether a pass of so many rows takes all of <see cref="BackendInfo.Threads"/>, so that passes of other models on the same cores should wait for it.</summary>
    bool TakesTeam(int rows) => false;

    /// <summary>Runs all rows of the batch through the model, writes their keys and values, and fills the logits of the rows that want them.</summary>
    /// <exception cref="BackendException">The batch breaks a rule (token, position or block out of range): a broken invariant of the caller.</exception>
    void Forward(ForwardBatch batch);

    /// <summary>
    /// After a pass whose logits are no numbers: runs the batch again, slowly, and tells where the rows of one of its sequences first held such. Costs the
    /// passes that are well nothing.
    /// </summary>
    /// <param name="sequence">Index in the batch.</param>
    /// <returns>The block, from 0; <c>Shape.Layers</c> for the output; -1 for the embedding; null when nothing was found up to the output.</returns>
    int? FindNotFinite(ForwardBatch batch, int sequence);
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
    long KvBlockBytes)
{
    /// <summary>Bytes of all LoRA adapters in memory, beside the weights.</summary>
    public long AdapterBytes { get; init; }
}
